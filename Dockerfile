# The pages: built by Node, which the image itself does not contain.
FROM node:24-slim AS web
WORKDIR /web
COPY web/package.json web/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY web ./
RUN npm run build

# The packages: the versions that pyproject.toml pins, in a virtual environment.
FROM python:3.13-slim AS packages
ENV UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_PYTHON_DOWNLOADS=never
RUN pip install --no-cache-dir uv==0.13.8
WORKDIR /app
COPY pyproject.toml README.md LICENSE ./
RUN uv sync --no-dev --no-install-project
COPY schema schema
COPY resolvers resolvers
COPY chat chat
COPY sync sync
COPY db db
COPY pubsub pubsub
COPY llm llm
COPY transports transports
COPY engines engines
COPY server server
RUN uv sync --no-dev

FROM python:3.13-slim
# The embedded model computes with OpenMP.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --no-create-home --home-dir /app transom \
    && install --directory --owner=transom --group=transom /data
WORKDIR /app
COPY --from=packages /app ./
COPY --from=web /web/dist web/dist
COPY docs docs
COPY examples examples
COPY alembic.ini CHANGELOG.md CONTRIBUTING.md ./

# Reachable from outside the container, so it starts only with TRANSOM_JWT_SECRET or TRANSOM_JWKS_URL set.
ENV PATH=/app/.venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 TRANSOM_HOST=0.0.0.0 TRANSOM_DATA_DIR=/data
VOLUME /data
USER transom
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --start-interval=1s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
CMD ["transom", "serve"]
