"""Providers: one package per GPU cloud and per web host. Each implements a port; they do not import each other."""
