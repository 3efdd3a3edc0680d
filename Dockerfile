# An image with the package, from its wheel or source archive alone; no clone is needed:
#   docker build --build-arg SOURCE=tgas_neuro-0.2.0-py3-none-any.whl --tag tgas-neuro FOLDER
# FOLDER holds this file and SOURCE. docs/containers.md shows how to run it.
FROM python:3.11-slim

# A wheel or a source archive, its path in FOLDER.
ARG SOURCE
# Extras of the package, such as [nwb,zarr].
ARG EXTRAS=""
# Where pip also looks, such as PyTorch's wheels without CUDA, which are 4 GB smaller.
ARG INDEX=""

COPY ${SOURCE} /tmp/source/
# The package first: it has the versions of what the default job needs.
RUN set -eu; \
    pip install --no-cache-dir --no-deps /tmp/source/*; \
    place=$(python -c "import sysconfig; print(sysconfig.get_path('purelib'))"); \
    sed -n 's/^      - //p' "$place/tgas_neuro/project/environment.yml" > /tmp/versions.txt; \
    test -s /tmp/versions.txt; \
    pip install --no-cache-dir ${INDEX:+--extra-index-url "$INDEX"} \
        --constraint /tmp/versions.txt "$(echo /tmp/source/*)$EXTRAS"; \
    rm -r /tmp/source /tmp/versions.txt; \
    tgas --version

# Any user may run it: docker run --user "$(id -u):$(id -g)"; such a user has no name and no home.
ENV HOME=/tmp USER=tgas
USER 1000:1000
WORKDIR /work
ENTRYPOINT ["tgas"]
CMD ["--help"]
