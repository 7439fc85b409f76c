"""Gateway of the agent: OpenAI's chat route, which wakes a sleeping backend and then passes its response on.

It must not import engine, adapters, providers or the command line.
"""
