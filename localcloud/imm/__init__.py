"""Intelligent Media Management (IMM), API version 2020-09-30, as far as video label tasks need it."""
