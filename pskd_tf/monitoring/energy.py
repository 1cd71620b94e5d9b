"""An estimate of what a board draws from a coin cell, from what a simulated board counted.

Instructions are those of docs/on_device.md, currents those of data sheets (`BoardPower.sources`).
Nothing was measured on a board.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pskd_tf.export.plain_c.graph import read_graph
from pskd_tf.exported import Export
from pskd_tf.monitoring.simulated_board import BoardRun

# Nominal capacity of a CR2032 of Panasonic, in microampere-hours.
COIN_CELL_UAH = 225_000

# Ours: loads, branches and the flash take more than a cycle, and what an interrupt, a scheduler and
# the loop do at a wake-up besides the core of the recognizer.
_CYCLES_AN_INSTRUCTION = 1.5
_INSTRUCTIONS_A_WAKE_UP = 500
# Bits on the wire for a byte: with the acknowledge, and with start and stop.
_BUS_BITS, _SERIAL_BITS = 9, 10


@dataclass(frozen=True)
class BoardPower:
    """What a board's chip and sensor draw: typical values at 3 V and 25 degrees.

    Attributes:
        name: The board.
        chips: Microcontroller and sensor.
        clock_hz: The core's clock.
        active_ua: While the core runs from flash.
        sleep_ua: While it sleeps, as the board file lets it.
        sensor_ua: The sensor at the board file's settings.
        bus_hz: Clock of the I2C bus, for which the core waits.
        bus_bytes_a_sample: With addresses, for a sensor that is read without a FIFO; None takes
            what the simulated board counted.
        threads: Wake-ups for each of the simulated board: 2 where a thread samples apart.
        ticks: Wake-ups a second of its own, such as of a HAL's tick.
        serial_waits: Whether the core waits for the serial line.
        sources: Documents and tables of the currents.
    """

    name: str
    chips: str
    clock_hz: float
    active_ua: float
    sleep_ua: float
    sensor_ua: float
    bus_hz: float
    bus_bytes_a_sample: float | None
    threads: int
    ticks: float
    serial_waits: bool
    sources: tuple[str, ...]


_B_L475E = BoardPower(
    name="B-L475E-IOT01A",
    chips="STM32L475, LSM6DSL",
    clock_hz=80e6,
    active_ua=10_200.0,
    sleep_ua=2960.0,
    sensor_ua=150.0,
    bus_hz=400e3,
    bus_bytes_a_sample=None,
    threads=1,
    ticks=1000.0,
    serial_waits=True,
    sources=(
        "STM32L475xx data sheet DS10969, Current consumption in Run modes, code running from "
        "Flash, 80 MHz",
        "STM32L475xx data sheet DS10969, Current consumption in Sleep modes, Flash on, 80 MHz",
        "LSM6DSL data sheet DocID028475, Electrical characteristics (LA_IddHP)",
    ),
)

BOARDS = (
    BoardPower(
        name="Arduino Nano 33 BLE Sense",
        chips="nRF52840, LSM9DS1",
        clock_hz=64e6,
        active_ua=3300.0,
        sleep_ua=3.16,
        sensor_ua=600.0,
        bus_hz=100e3,
        # Status: 3 bytes to address it and 1; acceleration: 3 and 6.
        bus_bytes_a_sample=13.0,
        threads=2,
        ticks=0.0,
        # It writes to USB, and only while somebody reads.
        serial_waits=False,
        sources=(
            "nRF52840 Product Specification 1.1, Electrical specification, CPU running (ICPU0)",
            "nRF52840 Product Specification 1.1, Electrical specification, Sleep (ION_RAMON_RTC)",
            "LSM9DS1 data sheet DocID025715, Electrical characteristics (Idd_XM, which includes "
            "the magnetometer: an upper bound)",
        ),
    ),
    _B_L475E,
    replace(
        _B_L475E,
        name="the same with a pskd_board_wait of your own in Stop 2",
        sleep_ua=1.4,
        ticks=0.0,
        sources=("STM32L475xx data sheet DS10969, Current consumption in Stop 2 mode, with RTC",),
    ),
)


@dataclass(frozen=True)
class Workload:
    """What a board does in a second, on average.

    Attributes:
        wake_ups: How often it wakes up.
        samples: Samples that reach the recognizer.
        bus_bytes: Bytes on the sensor's bus, addresses included.
        serial_bytes: Bytes that it sends.
        decisions: Inferences.
        instructions_a_sample: Of a Cortex-M4F, for a sample without decision.
        instructions_a_decision: Features and model.
    """

    wake_ups: float
    samples: float
    bus_bytes: float
    serial_bytes: float
    decisions: float
    instructions_a_sample: float
    instructions_a_decision: float

    @classmethod
    def of_run(cls, run: BoardRun, export: Export) -> "Workload":
        """Takes the counts of a run and the size of its model.

        Instructions a multiply-accumulate and a step are those of the student of
        docs/on_device.md on a Cortex-M4F (kernels dsp, -O2).

        Args:
            run: What a simulated board did.
            export: Its export.
        """
        macs = sum(layer.macs for layer in read_graph(export.tflite).layers)
        inputs = export.manifest.inputs
        return cls(
            wake_ups=run.numbers["wake_ups"] / run.seconds,
            samples=run.numbers["delivered_samples"] / run.seconds,
            bus_bytes=run.numbers["bus_bytes"] / run.seconds,
            serial_bytes=run.numbers["serial_bytes"] / run.seconds,
            decisions=run.decisions / run.seconds,
            instructions_a_sample=284 if inputs.mode == "clip" else 241,
            instructions_a_decision=389_658 / 262_656 * macs + 50_841 / 96 * inputs.steps,
        )


def average_currents(power: BoardPower, load: Workload, baud: float) -> dict[str, float]:
    """Estimates the average current of each part; the formula is ours.

    The core is awake for wake-ups, bus, serial line and calculations, one after the other, and
    asleep else.

    Args:
        power: The board.
        load: What it does in a second.
        baud: Bits a second of the serial line; 0 if it takes no time.

    Returns:
        Microamperes by part; their sum is the board's.

    Raises:
        ValueError: The core is awake for longer than a second in a second.
    """
    second_an_instruction = _CYCLES_AN_INSTRUCTION / power.clock_hz
    wake_ups = load.wake_ups * power.threads + power.ticks
    bus_bytes = load.bus_bytes
    if power.bus_bytes_a_sample is not None:
        bus_bytes = load.samples * power.bus_bytes_a_sample
    awake = {
        "wake-ups": wake_ups * _INSTRUCTIONS_A_WAKE_UP * second_an_instruction,
        "sensor's bus": bus_bytes * _BUS_BITS / power.bus_hz,
        "serial line": load.serial_bytes * _SERIAL_BITS / baud
        if power.serial_waits and baud
        else 0.0,
        "samples": load.samples * load.instructions_a_sample * second_an_instruction,
        "inference": load.decisions * load.instructions_a_decision * second_an_instruction,
    }
    total = sum(awake.values())
    if total > 1:
        raise ValueError(f"A core is awake for at most a second a second. Received: {total:.2f} s")
    currents = {name: share * power.active_ua for name, share in awake.items()}
    return currents | {"sleep": (1 - total) * power.sleep_ua, "sensor": power.sensor_ua}


def energy_table(loads: dict[str, Workload], baud: float) -> Sequence[str]:
    """Returns a table in Markdown: a row for each board and load.

    Args:
        loads: What a board does, by the mode's name.
        baud: Bits a second of the serial line; 0 if it takes no time.

    Returns:
        Its lines: average microamperes of each part, microampere-hours a day, days on a CR2032.
    """
    lines: list[str] = []
    for power in BOARDS:
        for mode, load in loads.items():
            currents = average_currents(power, load, baud)
            day_uah = 24 * sum(currents.values())
            cells = {
                "board": f"{power.name} ({power.chips})",
                "mode": mode,
                "wake-ups a second": f"{load.wake_ups * power.threads + power.ticks:.1f}",
                "decisions an hour": f"{3600 * load.decisions:.0f}",
                **{f"uA: {name}": f"{value:.1f}" for name, value in currents.items()},
                "uAh a day": f"{day_uah:,.0f}",
                "days on a CR2032": f"{COIN_CELL_UAH / day_uah:.1f}",
            }
            if not lines:
                right = ["---" if name in ("board", "mode") else "---:" for name in cells]
                lines = [f"| {' | '.join(cells)} |", f"| {' | '.join(right)} |"]
            lines.append(f"| {' | '.join(cells.values())} |")
    return lines
