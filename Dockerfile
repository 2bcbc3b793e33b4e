# syntax=docker/dockerfile:1
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
RUN python -m venv /opt/kwatch
COPY requirements.lock ./
RUN /opt/kwatch/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY kwatch kwatch
COPY templates templates
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /dist . \
 && /opt/kwatch/bin/pip install --no-cache-dir --no-deps /dist/*.whl \
 && /opt/kwatch/bin/python -m compileall -q /opt/kwatch/lib \
 && /opt/kwatch/bin/pip uninstall --yes pip setuptools

FROM python:3.11-slim-bookworm
COPY --from=build /opt/kwatch /opt/kwatch
# The root file system may be read-only: only the state folder is written.
RUN install -d -o 65532 -g 65532 -m 700 /var/lib/kwatch
ENV PATH=/opt/kwatch/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
WORKDIR /var/lib/kwatch
VOLUME /var/lib/kwatch
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
ENTRYPOINT ["kwatch"]
CMD ["run", "--state", "/var/lib/kwatch"]
