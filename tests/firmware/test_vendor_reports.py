"""Reports of AMD's tools read from short excerpts, written for this test in the formats of those tools.

The formats were taken from reports in public repositories: `report_utilization` of Vivado 2018.2 to 2023.2 for
UltraScale+ and 2015.4 to 2022.1 for 7 series, `report_timing_summary`, and `csynth_design` of Vivado HLS 2019 and
Vitis HLS 2020.2 to 2024.2. They are described in UG906 and UG1399. The numbers are invented.
"""

import pytest

from narrowgate.firmware import FirmwareError
from narrowgate.firmware.vendor._reports import estimated_slack, synthesis_estimate, utilisation, worst_slack

ULTRASCALE = """\
Copyright 1986-2022 Xilinx, Inc. All Rights Reserved.
---------------------------------------------------------------------------------------------
| Tool Version : Vivado v.2022.1 (lin64) Build 3526262 Mon Apr 18 15:47:01 MDT 2022
| Design       : narrowgate
| Device       : xcvu13p-flga2577-2-e
| Design State : Routed
---------------------------------------------------------------------------------------------

Utilization Design Information

1. CLB Logic
------------

+----------------------------+--------+-------+------------+-----------+-------+
|          Site Type         |  Used  | Fixed | Prohibited | Available | Util% |
+----------------------------+--------+-------+------------+-----------+-------+
| CLB LUTs                   | 160364 |     0 |          0 |   1728000 |  9.28 |
|   LUT as Logic             | 159900 |     0 |          0 |   1728000 |  9.25 |
|   LUT as Memory            |    464 |     0 |          0 |    791040 |  0.06 |
|     LUT as Shift Register  |    464 |     0 |            |           |       |
| CLB Registers              |  30162 |     0 |          0 |   3456000 |  0.87 |
|   Register as Flip Flop    |  30159 |     0 |          0 |   3456000 |  0.87 |
|   Register as Latch        |      3 |     0 |          0 |   3456000 | <0.01 |
| CARRY8                     |  21001 |     0 |          0 |    216000 |  9.72 |
| F7 Muxes                   |     12 |     0 |          0 |    864000 | <0.01 |
+----------------------------+--------+-------+------------+-----------+-------+


1.1 Summary of Registers by Type
--------------------------------

+-------+--------------+-------------+--------------+
| Total | Clock Enable | Synchronous | Asynchronous |
+-------+--------------+-------------+--------------+
| 0     |            _ |           - |            - |
| 30159 |          Yes |       Reset |            - |
+-------+--------------+-------------+--------------+


3. BLOCKRAM
-----------

+-------------------+------+-------+------------+-----------+-------+
|     Site Type     | Used | Fixed | Prohibited | Available | Util% |
+-------------------+------+-------+------------+-----------+-------+
| Block RAM Tile    |  2.5 |     0 |          0 |      2688 |  0.09 |
|   RAMB36/FIFO*    |    2 |     0 |          0 |      2688 |  0.07 |
|   RAMB18          |    1 |     0 |          0 |      5376 |  0.02 |
+-------------------+------+-------+------------+-----------+-------+


4. ARITHMETIC
-------------

+-----------+------+-------+------------+-----------+-------+
| Site Type | Used | Fixed | Prohibited | Available | Util% |
+-----------+------+-------+------------+-----------+-------+
| DSPs      |    7 |     0 |          0 |     12288 |  0.06 |
+-----------+------+-------+------------+-----------+-------+


11. Primitives
--------------

+----------+--------+---------------------+
| Ref Name |  Used  | Functional Category |
+----------+--------+---------------------+
| LUT2     | 101001 |                 CLB |
| LUT6     |  59363 |                 CLB |
| FDRE     |  30159 |            Register |
| CARRY8   |  21001 |                 CLB |
+----------+--------+---------------------+


12. Black Boxes
---------------

+----------+------+
| Ref Name | Used |
+----------+------+
"""

SEVEN_SERIES = """\
| Tool Version : Vivado v.2018.2 (win64) Build 2258646 Thu Jun 14 20:03:12 MDT 2018

1. Slice Logic
--------------

+-------------------------+------+-------+-----------+-------+
|        Site Type        | Used | Fixed | Available | Util% |
+-------------------------+------+-------+-----------+-------+
| Slice LUTs*             |  885 |     0 |    433200 |  0.20 |
|   LUT as Logic          |  885 |     0 |    433200 |  0.20 |
| Slice Registers         |   51 |     0 |    866400 | <0.01 |
|   Register as Flip Flop |   51 |     0 |    866400 | <0.01 |
+-------------------------+------+-------+-----------+-------+

| Block RAM Tile |    0 |     0 |      1470 |  0.00 |
| DSPs           |    0 |     0 |      3600 |  0.00 |

7. Primitives
-------------

+----------+------+---------------------+
| Ref Name | Used | Functional Category |
+----------+------+---------------------+
| LUT6     |  445 |                 LUT |
| FDRE     |   51 |        Flop & Latch |
| CARRY4   |   35 |          CarryLogic |
+----------+------+---------------------+
"""

TIMING = """\
------------------------------------------------------------------------------------------------
| Design Timing Summary
| ---------------------
------------------------------------------------------------------------------------------------

    WNS(ns)      TNS(ns)  TNS Failing Endpoints  TNS Total Endpoints      WHS(ns)      THS(ns)  THS Failing Endpoints
    -------      -------  ---------------------  -------------------      -------      -------  ---------------------
     {slack}       -1.200                      4                 1696        0.057        0.000                      0


Timing constraints are not met.
"""

VITIS = """\
================================================================
== Vitis HLS Report for 'narrowgate_fn'
================================================================
* Date:           Thu Oct  8 00:43:43 2026

* Version:        2024.2 (Build 5238294 on Nov  8 2024)
* Project:        output_narrowgate
* Target device:  xcvu13p-flga2577-2-e


================================================================
== Performance Estimates
================================================================
+ Timing: 
    * Summary: 
    +--------+----------+----------+------------+
    |  Clock |  Target  | Estimated| Uncertainty|
    +--------+----------+----------+------------+
    |ap_clk  |   5.00 ns|  4.212 ns|     0.50 ns|
    +--------+----------+----------+------------+

================================================================
== Utilization Estimates
================================================================
* Summary: 
+---------------------+---------+-------+---------+---------+------+
|         Name        | BRAM_18K|  DSP  |    FF   |   LUT   | URAM |
+---------------------+---------+-------+---------+---------+------+
|DSP                  |        -|      -|        -|        -|     -|
|Expression           |        -|      -|        0|   170000|     -|
|Register             |        -|      -|    28112|        -|     -|
+---------------------+---------+-------+---------+---------+------+
|Total                |        3|      0|    28112|   170036|     0|
+---------------------+---------+-------+---------+---------+------+
|Available            |     5376|  12288|  3456000|  1728000|  1280|
+---------------------+---------+-------+---------+---------+------+
"""  # noqa: W291


def test_utilisation_of_ultrascale() -> None:
    found = utilisation(ULTRASCALE)
    assert (found.luts, found.flip_flops, found.carries) == (160364, 30159, 21001)
    assert (found.dsps, found.block_rams, found.version) == (7, 2.5, "Vivado v.2022.1")
    assert found.cells == {"LUT2": 101001, "LUT6": 59363, "FDRE": 30159, "CARRY8": 21001}


def test_utilisation_of_seven_series_counts_carries_among_the_primitives() -> None:
    found = utilisation(SEVEN_SERIES)
    assert (found.luts, found.flip_flops, found.carries) == (885, 51, 35)
    assert (found.dsps, found.block_rams, found.version) == (0, 0.0, "Vivado v.2018.2")


@pytest.mark.parametrize(("written", "slack"), [("-0.312", -0.312), (" 0.521", 0.521), ("    NA", None)])
def test_the_worst_slack(written: str, slack: float | None) -> None:
    assert worst_slack(TIMING.format(slack=written)) == slack


def test_the_estimate_after_c_synthesis() -> None:
    found = synthesis_estimate(VITIS)
    assert (found.luts, found.flip_flops, found.dsps, found.block_rams) == (170036, 28112, 0, 1.5)
    assert found.version == "Vitis HLS 2024.2"
    assert estimated_slack(VITIS) == pytest.approx(0.288)


def test_the_estimate_of_the_older_tool() -> None:
    """Vivado HLS 2019 writes DSP48E, and periods without their unit."""
    older = VITIS.replace("  DSP  |", " DSP48E|").replace(" ns|", "|")
    assert synthesis_estimate(older).dsps == 0
    assert estimated_slack(older) == pytest.approx(0.288)


def test_what_is_no_report_is_refused() -> None:
    with pytest.raises(FirmwareError, match="no row 'CLB LUTs' or 'Slice LUTs'"):
        utilisation(ULTRASCALE.replace("CLB LUTs", "ALMs"))
    with pytest.raises(FirmwareError, match="no row 'DSPs'"):
        utilisation("\n".join([*ULTRASCALE.splitlines()[:30], "| Block RAM Tile |  2 | 0 | 0 |"]))
    with pytest.raises(FirmwareError, match="no design timing summary"):
        worst_slack("Timing constraints are met.")
    with pytest.raises(FirmwareError, match="no table of utilisation estimates"):
        synthesis_estimate(VITIS.split("|Total")[0])
