"""Patterns that mark a number as the difference or ratio of two figures."""

from __future__ import annotations

import re

AGAINST = re.compile(r"\b(?:against|versus|vs\.?|compared with|compared to)\s(?:only\s|just\s|the\s)*$")
JOINTLY = re.compile(r"\b(?:together|combined|jointly|in aggregate|in total|between them|altogether)\b")
RELATING = re.compile(
    r"\b(?:drop\w*|fall\w*|fell|rise\w*|rose|increas\w*|gain\w*|declin\w*|decreas\w*|jump\w*|reduc\w*|improve\w*"
    r"|growth|grew|grow\w*|cut|surge\w*|slide|slid|slump\w*|plunge\w*|change\w*|swing|addition|up|down|climb\w*"
    r"|advance\w*|contract\w*|expan\w*|gap|difference|premium|discount|spread|surplus|shortfall"
    r"|deficit|excess|exceed\w*"
    r"|distance|lead|upside|downside|apart|separat\w*|leav\w*|left|remain\w*|further|additional|extra|above|below"
    r"|more|less|fewer|higher|lower|over|under|short|shy|ahead|behind|larger|smaller|greater|bigger|dearer|cheaper"
    r"|beneath|wider|narrower|better|worse|richer|adrift|north|south|off|cover\w*|repay\w*|outweigh\w*|ratio"
    r"|equal\w*|amount\w*|represent\w*|equivalent|together|combined|total\w*|sum|add\w*|average\w*|mean|annuali[sz]\w*"
    r"|spare|go|cushion|balance|buffer|headroom|difference|multipl\w*|times|compound\w*"
    r"|cumulat\w*|share of|part of|as much|as many|as high|as large)\b"
)
