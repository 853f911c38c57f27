# Packhouse in a container: no compiler, no pip, no root user, and no writes outside /data.
ARG PYTHON_IMAGE=python:3.13-slim-trixie

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
# Two environments: one to build in, and one to ship, which has no pip.
RUN python -m venv /opt/build && python -m venv --without-pip /opt/packhouse
WORKDIR /src
COPY requirements-build.lock requirements.lock ./
RUN /opt/build/bin/pip install --quiet --require-hashes -r requirements-build.lock \
 && /opt/build/bin/pip --python /opt/packhouse/bin/python install --quiet --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY service service
COPY cli cli
COPY docs/man docs/man
RUN /opt/build/bin/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir /opt/wheel . \
 && /opt/build/bin/pip --python /opt/packhouse/bin/python install --quiet --no-deps --no-index /opt/wheel/*.whl

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="Packhouse" \
      org.opencontainers.image.description="Ships the orders of an Aly store automatically" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --gid 10001 packhouse \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin packhouse \
 && install --directory --owner=10001 --group=10001 --mode=0700 /data
COPY --from=build /opt/packhouse /opt/packhouse
ENV PATH=/opt/packhouse/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PACKHOUSE_DATA_DIR=/data \
    PACKHOUSE_HTTP__HOST=0.0.0.0
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["packhouse", "healthcheck"]
ENTRYPOINT ["packhouse"]
CMD ["serve"]
