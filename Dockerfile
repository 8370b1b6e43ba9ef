# An image with the locked environment, for a cluster or a CI of your own:
#   docker build -t fuelgauge .
#   docker run --rm -v "$PWD/data:/project/data" -v "$PWD/reports:/project/reports" fuelgauge make repro
FROM python:3.11-slim-bookworm

RUN apt-get update \
    && apt-get install --yes --no-install-recommends git libgomp1 make \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 fuelgauge \
    && install --directory --owner fuelgauge /project

USER fuelgauge
WORKDIR /project
COPY --chown=fuelgauge . .
RUN make env
ENV PATH=/project/.venv/bin:$PATH
CMD ["make", "help"]
