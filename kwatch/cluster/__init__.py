"""The way to the API server: credentials, HTTP, lists, watches, discovery.

The only importer of the `kubernetes` package and of aiohttp's client.
"""
