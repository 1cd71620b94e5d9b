"""Every target in both runtimes: compiled against the stubs, its manifests parsed."""

import configparser
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import yaml

from data_prep.errors import UserError
from data_prep.files import file_sha256
from project import MICROCONTROLLER
from pskd_tf.device.recognizer import RecognizerSettings
from pskd_tf.export.boards.axis_map import AxisMap
from pskd_tf.export.boards.project import board_project, write_board_project
from pskd_tf.export.boards.targets import BOARD_TARGETS
from pskd_tf.export.fixed_point import golden_samples

BOTH = pytest.mark.parametrize("runtime", ["tflm", "plain_c"])
STUBS = {
    "arduino": "arduino_mbed",
    "platformio": "arduino_esp32",
    "esp_idf": "esp_idf",
    "zephyr": "zephyr",
    "stm32": "stm32",
    "cmake": None,
}
TFLM_LIBRARY = "Chirale_TensorFLowLite"


@pytest.fixture(scope="module")
def projects(make_project):
    """Each target in both runtimes, with axes that are all different."""
    return {
        (target, runtime): make_project(target, runtime, axes="-y,+z,-x")
        for target in BOARD_TARGETS
        for runtime in ("tflm", "plain_c")
    }


def test_there_are_stubs_for_every_target():
    assert set(STUBS) == set(BOARD_TARGETS)


@BOTH
@pytest.mark.parametrize("target", BOARD_TARGETS)
def test_every_source_compiles_against_the_stubs(projects, compile_with, stubs, target, runtime):
    """C as C99, C++ as C++14, what the oldest of these ecosystems has."""
    project = projects[target, runtime]
    system = ["-isystem", stubs / "tflite_micro"] if runtime == "tflm" else []
    if STUBS[target]:
        system += ["-isystem", stubs / STUBS[target]]
    c_sources, cpp_sources = sorted(project.rglob("*.c")), sorted(project.rglob("*.cpp"))
    assert len(c_sources) >= 12
    compile_with("gcc", "-std=c99", "-fsyntax-only", *system, *c_sources)
    if cpp_sources:
        compile_with("g++", "-std=c++14", "-fsyntax-only", *system, *cpp_sources)
    for sketch in project.glob("*.ino"):
        # As the IDE does: the core's header first.
        language = ["-x", "c++", "-std=c++14", "-include", "Arduino.h"]
        compile_with("g++", "-fsyntax-only", *system, *language, sketch)
    names = {path.name for path in project.rglob("*")}
    assert ("activity_classifier_tflm.cpp" in names) == (runtime == "tflm")
    assert ("plain_model.c" in names) == (runtime == "plain_c")


@BOTH
def test_both_sensors_of_the_i2c_boards_and_the_self_test_compile(
    projects, compile_with, stubs, runtime
):
    for target, program in (("platformio", "g++"), ("esp_idf", "gcc"), ("stm32", "gcc")):
        (board,) = projects[target, runtime].rglob("board.c*")
        system = ["-isystem", stubs / STUBS[target]]
        for sensor in ("PSKD_MPU6050", "PSKD_LSM6"):
            compile_with(program, "-fsyntax-only", *system, f"-DBOARD_SENSOR={sensor}", board)
    self_test = projects["cmake", runtime] / "src" / "self_test.c"
    compile_with("gcc", "-std=c99", "-fsyntax-only", "-DPSKD_SELF_TEST=1", self_test)


@BOTH
def test_arduino_is_a_sketch_with_its_libraries(projects, runtime):
    project = projects["arduino", runtime]
    assert (project / f"{project.name}.ino").is_file()
    sketch = yaml.safe_load((project / "sketch.yaml").read_text())
    profile = sketch["profiles"][sketch["default_profile"]]
    assert profile["fqbn"] == "arduino:mbed_nano:nano33ble"
    expected = ["Arduino_LSM9DS1 (1.1.1)"]
    if runtime == "tflm":
        expected.append(f"{TFLM_LIBRARY} (2.0.0)")
    assert profile["libraries"] == expected
    includes = re.findall(r"#include <(.*)>", (project / f"{project.name}.ino").read_text())
    assert includes == (["Chirale_TensorFlowLite.h"] if runtime == "tflm" else [])


@BOTH
def test_platformio_names_platform_and_library(projects, runtime):
    parser = configparser.ConfigParser()
    parser.read(projects["platformio", runtime] / "platformio.ini")
    section = parser["env:esp32dev"]
    assert (section["board"], section["framework"]) == ("esp32dev", "arduino")
    cpp = ["-std=gnu++17"] if runtime == "tflm" else []
    assert section["build_flags"].split() == ["-ffp-contract=off", "-O2", *cpp]
    unflags = ["-Os", "-std=gnu++11"] if runtime == "tflm" else ["-Os"]
    assert section["build_unflags"].split() == unflags
    expected = [f"spaziochirale/{TFLM_LIBRARY}@^2.0.0"] if runtime == "tflm" else []
    assert section.get("lib_deps", "").split() == expected


@BOTH
def test_esp_idf_names_its_components(projects, runtime):
    main = projects["esp_idf", runtime] / "main"
    dependencies = yaml.safe_load((main / "idf_component.yml").read_text())["dependencies"]
    expected = {"idf": ">=5.3"}
    if runtime == "tflm":
        expected["espressif/esp-tflite-micro"] = "^1.3.7"
    assert dependencies == expected


@BOTH
def test_zephyr_is_configured_for_its_runtime(projects, runtime):
    lines = (projects["zephyr", runtime] / "prj.conf").read_text().splitlines()
    options = dict(line.split("=") for line in lines if line and not line.startswith("#"))
    assert options["CONFIG_SENSOR"] == options["CONFIG_SPEED_OPTIMIZATIONS"] == "y"
    assert BOARD_TARGETS["zephyr"].default_runtime == "plain_c"
    cpp = {"CONFIG_CPP", "CONFIG_STD_CPP17", "CONFIG_TENSORFLOW_LITE_MICRO"}
    cpp.add("CONFIG_TENSORFLOW_LITE_MICRO_CMSIS_NN_KERNELS")
    assert cpp & set(options) == (cpp if runtime == "tflm" else set())
    readme = (projects["zephyr", runtime] / "README.md").read_text()
    assert ("+tflite-micro" in readme) == (runtime == "tflm")


@BOTH
@pytest.mark.parametrize("target", ["esp_idf", "zephyr", "stm32", "cmake"])
def test_cmake_files_list_every_source_once(projects, target, runtime):
    project = projects[target, runtime]
    below = project / BOARD_TARGETS[target].listed_below
    text = (below / "CMakeLists.txt").read_text()
    code = "\n".join(line.split("#")[0] for line in text.splitlines())
    assert code.count("(") == code.count(")")
    listed = [name.strip('"') for name in re.findall(r'[\w/"]+\.(?:c|cpp)"?(?=[\s)])', code)]
    listed = [name for name in listed if "PROPERTIES" not in name]
    sources = {path.relative_to(below).as_posix() for path in project.rglob("*.c*")}
    sources = {name for name in sources if name.endswith((".c", ".cpp"))}
    assert set(listed) == sources


# What stands for the build systems of others: their commands, and no more.
SURROUNDINGS = {
    "esp_idf": {
        "idf/tools/cmake/project.cmake": (
            "macro(idf_component_register)\n"
            '  cmake_parse_arguments(ARG "" "" "SRCS;INCLUDE_DIRS;PRIV_REQUIRES" ${ARGN})\n'
            "  set(COMPONENT_LIB main)\n  add_library(main STATIC ${ARG_SRCS})\n"
            "  target_include_directories(main PRIVATE ${ARG_INCLUDE_DIRS} $ENV{SYSTEM})\n"
            "endmacro()\n"
            "macro(project name)\n  _project(${name} C CXX)\n  add_subdirectory(main)\n"
            "endmacro()\n"
        ),
    },
    "zephyr": {
        "zephyr/ZephyrConfig.cmake": (
            'enable_language(C CXX)\nfile(WRITE ${CMAKE_BINARY_DIR}/empty.c "")\n'
            "add_library(app STATIC ${CMAKE_BINARY_DIR}/empty.c)\n"
            "target_include_directories(app PRIVATE $ENV{SYSTEM})\n"
        ),
    },
    "stm32": {
        "cube/CMakeLists.txt": (
            "cmake_minimum_required(VERSION 3.22)\nproject(cube C CXX)\n"
            "add_library(stm32cubemx INTERFACE)\n"
            "target_include_directories(stm32cubemx INTERFACE $ENV{SYSTEM})\n"
            "add_subdirectory($ENV{PROJECT} library)\n"
        ),
    },
    "cmake": {},
}


@pytest.fixture
def configure(projects, stubs, tmp_path):
    """Lets CMake read a project with stand-ins for the build systems of others.

    Returns the build folder and, by source, the command that compiles it.
    """
    if shutil.which("cmake") is None:
        pytest.skip("cmake is not installed")

    def run(target, runtime, *definitions):
        project = projects[target, runtime]
        for name, text in SURROUNDINGS[target].items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        environment = os.environ | {
            "IDF_PATH": str(tmp_path / "idf"),
            "ZEPHYR_BASE": str(tmp_path / "zephyr"),
            "Zephyr_DIR": str(tmp_path / "zephyr"),
            "SYSTEM": str(stubs / STUBS[target]) if STUBS[target] else "",
            "PROJECT": str(project),
            "CFLAGS": "-Wall -Wextra -Werror",
        }
        source = tmp_path / "cube" if target == "stm32" else project
        build = tmp_path / "build"
        command = ["cmake", "-S", source, "-B", build, "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON"]
        finished = subprocess.run(
            [*command, *definitions], capture_output=True, text=True, env=environment
        )
        assert finished.returncode == 0, finished.stdout + finished.stderr
        entries = json.loads((build / "compile_commands.json").read_text())
        return build, {Path(entry["file"]).name: entry["command"].split() for entry in entries}

    return run


@BOTH
@pytest.mark.parametrize("target", SURROUNDINGS)
def test_cmake_optimises_the_kernels_whatever_the_build_type_is(configure, target, runtime):
    """The last option counts; only the kernels' own option is ours."""
    _, commands = configure(target, runtime, "-DCMAKE_BUILD_TYPE=Debug")
    last = {
        name: [option for option in command if re.match("-O", option)][-1:]
        for name, command in commands.items()
    }
    kernels = {name for name, option in last.items() if option == ["-O2"]}
    expected = {name for name in last if name.startswith(("accelerometer_features", "plain_"))}
    assert kernels == expected and len(kernels) == (6 if runtime == "plain_c" else 2)
    assert all("-ffp-contract=off" in commands[name] for name in kernels)


def test_cmake_builds_for_release_unless_told_otherwise(configure):
    _, commands = configure("cmake", "plain_c")
    assert "-O3" in commands["activity_filter.c"] and "-DNDEBUG" in commands["activity_filter.c"]


@pytest.mark.parametrize(("target", "has_cmsis_nn"), [("cmake", False), ("stm32", True)])
def test_cmake_compiles_against_tflm(configure, stubs, target, has_cmsis_nn):
    """C++17, no error strings, the folders of one checkout, and CMSIS-NN's kernels if chosen."""
    tflm = stubs / "tflite_micro"
    for chosen, options in ((has_cmsis_nn, []), (not has_cmsis_nn, ["-DTFLM_CMSIS_NN="])):
        options = [f"{option}{'ON' if chosen else 'OFF'}" for option in options]
        _, commands = configure(target, "tflm", f"-DTFLM_DIR={tflm}", *options)
        command = commands["activity_classifier_tflm.cpp"]
        assert "-std=gnu++17" in command
        assert {"-DTF_LITE_STATIC_MEMORY", "-DTF_LITE_STRIP_ERROR_STRINGS"} <= set(command)
        assert ("-DCMSIS_NN" in command) == chosen
        downloads = tflm / "tensorflow/lite/micro/tools/make/downloads"
        assert f"-I{downloads}/flatbuffers/include" in command


@pytest.mark.parametrize("target", SURROUNDINGS)
def test_cmake_itself_reads_the_plain_projects(configure, projects, target):
    """With stand-ins for the commands of ESP-IDF, Zephyr and CubeMX; plain CMake builds it, too."""
    build, commands = configure(target, "plain_c")
    project = projects[target, "plain_c"]
    assert {"board.c", "plain_model.c"} <= set(commands)
    if target == "cmake":
        command = ["cmake", "--build", build, "--parallel", "2"]
        finished = subprocess.run(command, capture_output=True, text=True)
        assert finished.returncode == 0, finished.stdout + finished.stderr
    assert (build / project.name).is_file() == (target == "cmake")


@pytest.mark.parametrize("target", BOARD_TARGETS)
def test_a_project_records_its_export(projects, exported, target):
    project = projects[target, BOARD_TARGETS[target].default_runtime]
    record = json.loads((project / "pskd_project.json").read_text())
    digest = file_sha256(exported / "manifest.json")
    assert record["export_manifest_sha256"] == digest
    assert record["axes"] == "-y,+z,-x"
    (settings,) = project.rglob("project_settings.h")
    assert f'#define PSKD_PROJECT "{digest[:12]}"' in settings.read_text()
    (board,) = [path for path in project.rglob("board.c*")]
    assert "#define BOARD_AXES {1, 2, 0}\n#define BOARD_SIGNS {-1, 1, -1}" in board.read_text()
    readme = (project / "README.md").read_text()
    assert digest in readme and "--axes=-y,+z,-x" in readme
    leftovers = [
        path for path in project.rglob("*") if path.is_file() and b"@tflm@" in path.read_bytes()
    ]
    assert not leftovers


def test_the_same_arguments_give_the_same_bytes(exported):
    arguments = {"runtime": "tflm", "axes": AxisMap(), "settings": RecognizerSettings()}
    first, second = (
        board_project(exported.parent, BOARD_TARGETS["stm32"], "one", **arguments) for _ in "ab"
    )
    assert first == second and "student_int8.tflite" in first


def test_a_wrong_name_or_export_is_refused(exported, tmp_path):
    arguments = {"runtime": "tflm", "axes": AxisMap(), "settings": RecognizerSettings()}
    with pytest.raises(UserError, match="letters, digits and _"):
        board_project(exported.parent, BOARD_TARGETS["arduino"], "a b", **arguments)
    for name in ("install", "All", "clean", "test", "m", "nul"):
        with pytest.raises(UserError, match=rf"tools reserve; take another one.*'{name}'"):
            board_project(exported.parent, BOARD_TARGETS["cmake"], name, **arguments)
    with pytest.raises(UserError, match=r"no manifest\.json"):
        board_project(tmp_path, BOARD_TARGETS["arduino"], "one", **arguments)
    copy = tmp_path / "run" / "export"
    shutil.copytree(exported, copy)
    with open(copy / "model_data.cc", "a") as stream:
        stream.write("// changed")
    with pytest.raises(UserError, match=r"must be unchanged.*model_data\.cc"):
        board_project(tmp_path / "run", BOARD_TARGETS["arduino"], "one", **arguments)
    (copy / "model_data.cc").unlink()
    with pytest.raises(UserError, match="must be complete"):
        board_project(tmp_path / "run", BOARD_TARGETS["arduino"], "one", **arguments)


def test_a_folder_with_files_is_left_alone(tmp_path):
    folder = tmp_path / "project"
    write_board_project(folder, {"a/b.c": b"int b;\n"})
    assert (folder / "a" / "b.c").read_bytes() == b"int b;\n"
    with pytest.raises(UserError, match="may hold your own changes"):
        write_board_project(folder, {"c.c": b""})
    assert sorted(path.name for path in folder.rglob("*")) == ["a", "b.c"]
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="must be a folder"):
        write_board_project(tmp_path / "file", {"c.c": b""})
    (tmp_path / "empty").mkdir()
    write_board_project(tmp_path / "empty", {"c.c": b""})
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_features_in_fixed_point(exported, compile_with, tmp_path):
    """The settings choose them, and the golden vectors follow; the rest is the float project."""
    arguments = {"runtime": "plain_c", "axes": AxisMap(), "settings": RecognizerSettings()}
    plain, fixed = (
        board_project(
            exported.parent, BOARD_TARGETS["cmake"], "one", **arguments, features=features
        )
        for features in ("float", "fixed")
    )
    changed = {name for name in plain if plain[name] != fixed[name]}
    assert changed == {"src/model_settings.h", "src/golden_vectors.h", "pskd_project.json"}
    assert b"#define PSKD_FIXED_FEATURES 1\n" in fixed["src/model_settings.h"]
    texts = [files["src/golden_vectors.h"].decode() for files in (plain, fixed)]
    first, second = map(golden_samples, texts)
    assert len(first) == 32
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)
    write_board_project(tmp_path / "one", fixed)
    sources = tmp_path / "one" / "src"
    check = MICROCONTROLLER / "firmware"
    files = [*sources.glob("accelerometer_features*.c"), *sources.glob("plain_*.c")]
    files += [check / "check_golden.c", check / "print_report.c", check / "host" / "platform.c"]
    program = tmp_path / "check_golden"
    compile_with("gcc", "-std=c99", f"-I{sources}", f"-I{check}", *files, "-o", program, "-lm")
    finished = subprocess.run([program], capture_output=True, text=True)
    assert finished.returncode == 0
    assert "differing_input_bytes 0\ndiffering_output_bytes 0\n" in finished.stdout
