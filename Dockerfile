# Attune with its embedded models: everything it needs to answer is inside, nothing is fetched at start.
#   docker build -t attune .
#   docker run -p 8000:8000 -v attune-data:/data attune
FROM python:3.12-slim-bookworm AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/attune
ENV PATH=/opt/attune/bin:$PATH
WORKDIR /src
COPY constraints/run.txt constraints/run.txt
RUN pip install --require-hashes -r constraints/run.txt
COPY . .
RUN python -m hatchling build --target wheel && pip install --no-deps dist/*.whl
RUN ATTUNE_MODELS__CACHE_DIR=/models attune models install --embedded

FROM python:3.12-slim-bookworm

RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin attune && install -d -o attune /data
COPY --from=build /opt/attune /opt/attune
COPY --from=build /models /models
ENV PATH=/opt/attune/bin:$PATH PYTHONUNBUFFERED=1 \
    ATTUNE_HOST=0.0.0.0 ATTUNE_DATA_DIR=/data ATTUNE_MODELS__CACHE_DIR=/models ATTUNE_LOG_JSON=true
USER attune
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
ENTRYPOINT ["attune"]
CMD ["serve"]
