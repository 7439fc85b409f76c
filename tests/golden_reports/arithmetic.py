"""The derived figures of the golden reports, computed from the input of each request in exact decimals.

Money is in millions of the request's currency. No code of the backend is used.
"""

from __future__ import annotations

from decimal import Decimal

D = Decimal
MILLION = D(1_000_000)
NONE = "n.m."

DERIVED: dict[str, dict[str, Decimal | str]] = {
    "01-mega-cap": {
        "grossMargin": D(153463) / D(215938),
        "operatingMargin": D(130387) / D(215938),
        "netMargin": D(120067) / D(215938),
        "freeCashflowMargin": D(96676) / D(215938),
        "freeCashflowYield": D(96676) / D(4495500),
        "netDebt": (D(8468) - D(10605)) * MILLION,
        "debtToAssets": D(8468) / D(206803),
        "priceToEarnings": D(4495500) / D(120067),
        "priceToSales": D(4495500) / D(215938),
        "evToSales": D(4493363) / D(215938),
        "belowHigh": D("185.00") / D("212.19") - 1,
        "impliedUpside": D("240.50") / D("185.00") - 1,
    },
    "02-bank": {
        "netMargin": D(55681) / D(182447),
        "priceToEarnings": D(810000) / D(55681),
        "priceToSales": D(810000) / D(182447),
        "belowHigh": D("300.00") / D("330.00") - 1,
        "impliedUpside": D("330.00") / D("300.00") - 1,
    },
    "03-insurer": {
        "priceToSales": D("25678.7063") / D(24680),
    },
    "04-reit": {
        "operatingMargin": D("1406.692") / D("3775.216"),
        "netMargin": D("283.098") / D("3775.216"),
        "netDebt": (D(18600) - D("3957.718")) * MILLION,
        "debtToAssets": D(18600) / D("25948.266"),
        "priceToEarnings": D(22600) / D("283.098"),
        "priceToSales": D(22600) / D("3775.216"),
        "impliedUpside": D("74.10") / D("78.00") - 1,
    },
    "05-biotech": {
        "freeCashflowYield": D(-54) / D(351),
        "netDebt": (D(0) - D("121.5")) * MILLION,
        "cashRunway": D("121.5") / D(54),
        "debtToAssets": D(0) / D(151),
        "priceToEarnings": NONE,
        "belowHigh": D("7.80") / D("19.50") - 1,
        "impliedUpside": D("18.00") / D("7.80") - 1,
    },
    "06-loss-maker": {
        "grossMargin": D("2411.723") / D("3626.396"),
        "operatingMargin": D("-1456.010") / D("3626.396"),
        "netMargin": D("-1285.640") / D("3626.396"),
        "freeCashflowMargin": D("913.485") / D("3626.396"),
        "freeCashflowYield": D("913.485") / D(50115),
        "priceToSales": D(50115) / D("3626.396"),
        "belowHigh": D("150.00") / D("194.40") - 1,
        "impliedUpside": D("195.00") / D("150.00") - 1,
    },
    "07-negative-equity": {
        "grossMargin": D(-1991) / D(66517),
        "operatingMargin": D(-10707) / D(66517),
        "netMargin": D(-11875) / D(66517),
        "freeCashflowMargin": D(-14310) / D(66517),
        "freeCashflowYield": D(-14310) / D("132763.170747"),
        "netDebt": (D(53864) - D(13801)) * MILLION,
        "cashRunway": D(13801) / D(14310),
        "debtToAssets": D(53864) / D(156363),
        "priceToEarnings": NONE,
        "priceToSales": D("132763.170747") / D(66517),
        "impliedUpside": D("190.00") / D("177.00") - 1,
    },
    "08-adr": {
        "grossMargin": D("1624353.6") / D("2894307.7"),
        "operatingMargin": D(1322053) / D("2894307.7"),
        "netMargin": D("1158380.2") / D("2894307.7"),
        "freeCashflowMargin": D("870170.6") / D("2894307.7"),
        "netDebt": (D("1075434.8") - D(2127627)) * MILLION,
        "debtToAssets": D("1075434.8") / D("6691764.7"),
        "belowHigh": D("197.50") / D("226.40") - 1,
        "impliedUpside": D("240.00") / D("197.50") - 1,
    },
    "09-london-pence": {
        "grossMargin": D("1102.5") / D(3150),
        "operatingMargin": D(441) / D(3150),
        "netMargin": D(300) / D(3150),
        "freeCashflowMargin": D("262.5") / D(3150),
        "freeCashflowYield": D("262.5") / D("6952.5"),
        "netDebt": (D(720) - D(180)) * MILLION,
        "debtToAssets": D(720) / D(4200),
        "priceToSales": D("6952.5") / D(3150),
        "belowHigh": D("27.81") / D("30.90") - 1,
        "impliedUpside": D("26.4195") / D("27.81") - 1,
    },
    "10-tokyo": {
        "operatingMargin": D(59171) / D(845300),
        "netMargin": D(41400) / D(845300),
        "freeCashflowMargin": D(20700) / D(845300),
        "freeCashflowYield": D(20700) / D(579600),
        "netDebt": (D(84000) - D(210000)) * MILLION,
        "debtToAssets": D(84000) / D(1126000),
        "priceToSales": D(579600) / D(845300),
        "belowHigh": D(2898) / D(3220) - 1,
        "impliedUpside": D("3187.8") / D(2898) - 1,
    },
    # Filed in yuan, 1.12 HKD each. The price is above its 52-week high, so there is no distance to it.
    "11-hong-kong": {
        "operatingMargin": D(2340) / D(15600),
        "netMargin": D(1950) / D(15600),
        "freeCashflowMargin": D(1170) / D(15600),
        "freeCashflowYield": D(1170) / (D(29120) / D("1.12")),
        "priceToEarnings": D(29120) / (D(1950) * D("1.12")),
        "priceToSales": D(29120) / (D(15600) * D("1.12")),
    },
    "12-empty": {},
}

# Figures that are not shown as given: pence, percent, text, or not meaningful.
READ: dict[str, dict[str, Decimal | str]] = {
    "02-bank": {"dividendYield": D("0.02")},
    "06-loss-maker": {"trailingPE": NONE},
    "07-negative-equity": {"returnOnEquity": NONE, "debtToEquity": NONE, "priceToBook": NONE},
    "08-adr": {"trailingEps": D("44.67")},
    "09-london-pence": {
        "currentPrice": D("27.81"),
        "fiftyTwoWeekHigh": D("30.90"),
        "fiftyTwoWeekLow": D("21.00"),
        "targetMeanPrice": D("26.4195"),
    },
    "10-tokyo": {"dividendYield": D("0.0228")},
    "11-hong-kong": {
        "totalRevenue": D(15600) * MILLION,
        "operatingIncome": D(2340) * MILLION,
        "netIncomeToCommon": D(1950) * MILLION,
        "freeCashflow": D(1170) * MILLION,
        "exchangeRate.CNYHKD": D("1.12"),
    },
}

# The currency of prices, then that of filed figures.
CURRENCIES: dict[str, tuple[str, str]] = {
    "08-adr": ("USD", "TWD"),
    "09-london-pence": ("GBP", "GBP"),
    "10-tokyo": ("JPY", "JPY"),
    "11-hong-kong": ("HKD", "CNY"),
}
SIGNS = {"USD": "$", "GBP": "£", "JPY": "¥", "TWD": "TWD ", "HKD": "HKD ", "CNY": "CNY "}
OF_THE_MARKET = {"currentPrice", "marketCap", "enterpriseValue", "fiftyTwoWeekHigh", "fiftyTwoWeekLow"}
OF_THE_MARKET |= {"targetMeanPrice", "dividendRate"}
