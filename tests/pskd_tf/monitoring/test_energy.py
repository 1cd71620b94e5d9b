"""The estimate of a board's current, against sums by hand."""

import dataclasses

import pytest

from pskd_tf.exported import Export
from pskd_tf.monitoring.energy import BOARDS, BoardPower, Workload, average_currents, energy_table
from pskd_tf.monitoring.simulated_board import BoardRun

POWER = BoardPower("a board", "chip, sensor", 1e6, 1000.0, 10.0, 50.0, 1e5, None, 1, 0.0, True, ())
LOAD = Workload(
    wake_ups=100.0,
    samples=50.0,
    bus_bytes=1000.0,
    serial_bytes=96.0,
    decisions=0.1,
    instructions_a_sample=200.0,
    instructions_a_decision=400_000.0,
)


def test_each_part_is_its_share_of_the_time():
    currents = average_currents(POWER, LOAD, 9600)
    expected = {
        "wake-ups": 75.0,  # 100 x 500 x 1.5 us
        "sensor's bus": 90.0,  # 9000 bits at 100 kHz
        "serial line": 100.0,  # 960 bits at 9600 baud
        "samples": 15.0,  # 50 x 200 x 1.5 us
        "inference": 60.0,  # 0.1 x 400,000 x 1.5 us
        "sleep": 6.6,  # asleep for the other 66 %
        "sensor": 50.0,
    }
    assert currents == pytest.approx(expected)


def test_a_tick_a_thread_and_a_sensor_without_fifo_count():
    power = dataclasses.replace(
        POWER, ticks=50.0, threads=2, bus_bytes_a_sample=10.0, serial_waits=False
    )
    currents = average_currents(power, LOAD, 9600)
    assert currents["wake-ups"] == pytest.approx(187.5)
    assert currents["sensor's bus"] == pytest.approx(45.0) and currents["serial line"] == 0
    assert average_currents(POWER, LOAD, 0)["serial line"] == 0


def test_more_work_than_time_is_an_error():
    with pytest.raises(ValueError, match="awake for at most a second a second"):
        average_currents(POWER, dataclasses.replace(LOAD, decisions=2.0), 9600)


def test_the_load_is_what_a_run_counted(exported):
    numbers = {"wake_ups": 5000, "delivered_samples": 4990, "bus_bytes": 200, "serial_bytes": 300}
    run = BoardRun(100.0, 10, 0, 0, 0, 0, numbers, {})
    load = Workload.of_run(run, Export.read(exported))
    assert (load.wake_ups, load.samples, load.decisions) == (50.0, 49.9, 0.1)
    assert (load.bus_bytes, load.serial_bytes, load.instructions_a_sample) == (2.0, 3.0, 284)
    # The student of docs/on_device.md, whose instructions were counted.
    assert load.instructions_a_decision == pytest.approx(389_658 + 50_841)


def test_the_table_has_a_row_for_each_board_and_mode():
    lines = energy_table({"clip": LOAD, "window": LOAD}, 115_200)
    assert len(lines) == 2 + 2 * len(BOARDS) and len({line.count("|") for line in lines}) == 1
    cells = [cell.strip() for cell in lines[2].strip("|").split("|")]
    assert cells[0] == "Arduino Nano 33 BLE Sense (nRF52840, LSM9DS1)" and cells[1] == "clip"
    day, days = float(cells[-2].replace(",", "")), float(cells[-1])
    assert day == pytest.approx(24 * sum(map(float, cells[4:-2])), rel=1e-3)
    assert days == pytest.approx(225_000 / day, abs=0.06)


def test_each_board_names_a_document_for_its_currents():
    assert all(len(board.sources) in (1, 3) for board in BOARDS)
    assert all(
        "data sheet" in one or "Specification" in one for board in BOARDS for one in board.sources
    )
