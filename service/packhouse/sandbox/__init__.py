"""A fake Aly store and a fake EasyPost in one process, with faults on demand, to try Packhouse on.

store/ easypost/             the two fake services: state, REST API, JSON
sandbox                      both of them, their faults and their audit, without sockets
server transport             HTTP access to it over sockets, and inside one process
faults fault_injection       what can go wrong with a call
control_api audit            requests under /sandbox; what was bought and shipped, and whether it is right
cli arguments                the command `packhouse sandbox`
"""
