# The server and its workers in a container; docs/install.md tells how to run it.
FROM python:3.11-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PATH=/venv/bin:$PATH
RUN python -m venv /venv
COPY requirements.txt /
RUN pip install -r /requirements.txt
WORKDIR /app
COPY LICENSE temp_model.h5 temp_model.json ./
COPY models models
COPY backend backend
COPY deepfake_detector deepfake_detector
COPY templates templates
COPY static static
COPY docs docs
# What is written to lies apart, and belongs to who runs the server. The weights are converted here,
# so that no start has to.
RUN mkdir -p /written/uploads /written/results /written/cache \
    && python -m compileall -q backend deepfake_detector \
    && DEEPFAKE_CACHE=/written/cache python -c "from backend.analysis.pipeline import build_pipeline; \
from backend.settings import load_settings; build_pipeline(load_settings())"

FROM python:3.11-slim-bookworm
ENV PATH=/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 DEEPFAKE_HOST=0.0.0.0
COPY --from=build /venv /venv
COPY --from=build /app /app
COPY --from=build --chown=10001:10001 /written/uploads /app/uploads
COPY --from=build --chown=10001:10001 /written/results /app/static/results
COPY --from=build --chown=10001:10001 /written/cache /app/.cache
WORKDIR /app
USER 10001:10001
VOLUME ["/app/uploads", "/app/static/results", "/app/.cache"]
EXPOSE 5000
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://localhost:5000/health')"]
ENTRYPOINT ["python", "-m", "backend"]
CMD ["serve"]
