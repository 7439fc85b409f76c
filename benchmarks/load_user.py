"""What Locust sends in `make load-test`, in an environment of its own: one streamed completion after the other."""

from __future__ import annotations

from locust import FastHttpUser, task

LAST = b"data: [DONE]"
BODY = {
    "messages": [{"role": "user", "content": "Name three risks of a company that makes chips."}],
    "max_tokens": 32,
    "stream": True,
}


class Client(FastHttpUser):  # type: ignore[misc]
    """A client that has one request open at a time; a stream without its last event counts as failed."""

    @task  # type: ignore[untyped-decorator]
    def chat(self) -> None:
        """Send one request, and read its stream to the end."""
        with self.client.post("/v1/chat/completions", json=BODY, catch_response=True) as answer:
            if answer.status_code != 200:
                answer.failure(f"status {answer.status_code}")
            elif "event-stream" in answer.headers.get("Content-Type", "") and LAST not in (answer.content or b""):
                answer.failure("the stream was cut")
