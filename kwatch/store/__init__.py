"""Durable state: one SQLite file in one folder, held by one process, written by one thread.

The only importer of apsw. Decides one thing, which notifications of a lane still need sending (`lanes`).
"""
