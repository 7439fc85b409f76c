"""Status: the verdict on a deployment, link by link, once or again and again. Nothing is written or billed."""
