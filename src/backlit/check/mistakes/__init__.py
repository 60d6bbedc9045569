"""The catalogue of mistakes, one entry for each; every module of this folder is read.

A mistake is added by one function in one file: see `backlit.check.catalogue.mistake`.
"""
