# SPDX-License-Identifier: GPL-2.0-or-later
"""Grafana dashboards, Prometheus rules and Grafana-managed alerts, generated from one source.

`python3 -m dashboards` writes what is committed under grafana/ and prometheus/; thresholds.yaml
holds every number that a person may want to change. Nothing here imports the agent.
"""
