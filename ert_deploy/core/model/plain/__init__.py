"""Serialization of the state: conversion to plain data, and strict parsing of stored data."""
