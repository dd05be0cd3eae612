"""The data directory: log/ and state/ over LMDB, their readers, recovery and check.

The only package that imports lmdb. It implements the store ports of `replica`.
"""
