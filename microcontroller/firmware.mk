# The plain C student on this machine and on emulated cores: Cortex-M, RISC-V, big-endian.
#
#   make firmware RUN=runs/demo      checks the student of a run; without RUN, of a tiny one
#   make firmware-host               gcc and, where there is one, clang; sanitizers
#   make firmware-equal              what of that compares with TensorFlow Lite Micro, as a table
#   make firmware-faults             a failing sensor, 1,000,000 samples in either mode, sanitized
#   make firmware-fuzz               libFuzzer: any samples, stamps, settings and model slots, sanitized;
#                                    with FUZZ_RUNS=N as many inputs a target
#   make firmware-qemu               Cortex-M0 to M55 and RISC-V in QEMU, every family of kernels: test
#                                    clips; on M4F, M33, M55 and RISC-V golden vectors and a streamed
#                                    recording in either mode, too; bound of the stack
#   make firmware-s390x              the same checks as a big-endian program
#   make firmware-live               the activity loop on a Cortex-M0+ of 15.6 million instructions a
#                                    second, interrupted for each sample, in either mode
#   make firmware-random             10,000 random inputs on each core and family; minutes
#   make firmware-table              all that and -Os, written into docs/on_device.md
#
# Reports lie in FIRMWARE_BUILD as files of `name value` lines. Each target first names the Debian
# packages that it needs and does not find.
FIRMWARE := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
FIRMWARE_PYTHON ?= $(if $(BIN),$(BIN)/python,python3)
RUN ?= build/firmware/run
FIRMWARE_BUILD ?= build/firmware/$(subst /,_,$(RUN))
# Holds golden_vectors.h.
FIRMWARE_EXPORT ?= $(RUN)/export

# A model of generated data, for whoever has no run at hand.
build/firmware/run/export/manifest.json: | $(if $(VENV),$(VENV)/.installed)
	$(FIRMWARE_PYTHON) -m pskd_tf.train --flagfile=configs/tiny.flags --run_dir=build/firmware/run

# FIRMWARE_MODEL holds plain_model.{h,c}, model_settings.h, clips.vectors and random.vectors; given
# by hand, nothing makes it.
ifndef FIRMWARE_MODEL
FIRMWARE_MODEL := $(FIRMWARE_BUILD)/model

$(FIRMWARE_MODEL)/plain_model.c: $(RUN)/export/manifest.json \
  $(wildcard pskd_tf/export/plain_c/*.py) | $(if $(VENV),$(VENV)/.installed)
	$(FIRMWARE_PYTHON) -m pskd_tf.develop.plain_c --run_dir=$(RUN) --out=$(FIRMWARE_MODEL)
endif

# The same with features in fixed point.
ifndef FIRMWARE_FIXED
FIRMWARE_FIXED := $(FIRMWARE_BUILD)/fixed

$(FIRMWARE_FIXED)/plain_model.c: $(RUN)/export/manifest.json \
  $(wildcard pskd_tf/export/plain_c/*.py) pskd_tf/data/fixed_features.py \
  | $(if $(VENV),$(VENV)/.installed)
	$(FIRMWARE_PYTHON) -m pskd_tf.develop.plain_c --run_dir=$(RUN) --out=$(FIRMWARE_FIXED) \
	  --features=fixed --random_inputs=1
endif

# The same with the convolutions' weights in int16.
ifndef FIRMWARE_WIDE
FIRMWARE_WIDE := $(FIRMWARE_BUILD)/wide

$(FIRMWARE_WIDE)/plain_model.c: $(RUN)/export/manifest.json \
  $(wildcard pskd_tf/export/plain_c/*.py) | $(if $(VENV),$(VENV)/.installed)
	$(FIRMWARE_PYTHON) -m pskd_tf.develop.plain_c --run_dir=$(RUN) --out=$(FIRMWARE_WIDE) \
	  --weights=int16
endif

# The same with tables in a slot.
ifndef FIRMWARE_SLOT
FIRMWARE_SLOT := $(FIRMWARE_BUILD)/slot

$(FIRMWARE_SLOT)/plain_model.c: $(RUN)/export/manifest.json \
  $(wildcard pskd_tf/export/plain_c/*.py) | $(if $(VENV),$(VENV)/.installed)
	$(FIRMWARE_PYTHON) -m pskd_tf.develop.plain_c --run_dir=$(RUN) --out=$(FIRMWARE_SLOT) \
	  --model_slot --random_inputs=1
endif

# FIRMWARE_STREAM holds a recording and, as decisions-MODE.txt, what Python says to it.
ifndef FIRMWARE_STREAM
FIRMWARE_STREAM := $(FIRMWARE_BUILD)/stream

$(FIRMWARE_STREAM)/recording: $(RUN)/export/manifest.json $(wildcard pskd_tf/device/*.py) \
  $(wildcard $(FIRMWARE)/src/*) | $(if $(VENV),$(VENV)/.installed)
	$(FIRMWARE_PYTHON) -m pskd_tf.develop.firmware_recording --run_dir=$(RUN) --out=$(FIRMWARE_STREAM)
endif

FIRMWARE_WARNINGS := -std=c99 -Wall -Wextra -Werror -pedantic -Wshadow -Wdouble-promotion \
  -Wmissing-prototypes -Wstrict-prototypes
# Contraction would move features by a step of int8; errno keeps sqrtf from being one instruction.
FIRMWARE_FLAGS := $(FIRMWARE_WARNINGS) -ffp-contract=off -fno-math-errno \
  -I$(FIRMWARE_MODEL) -I$(FIRMWARE)/src -I$(FIRMWARE)/firmware
FIRMWARE_CORE := $(sort $(wildcard $(FIRMWARE)/src/accelerometer_features*.c)) \
  $(sort $(wildcard $(FIRMWARE)/src/plain_kernels*.c)) $(FIRMWARE_MODEL)/plain_model.c
# The whole way from samples to what is said.
FIRMWARE_RECOGNIZER := $(FIRMWARE_CORE) $(FIRMWARE)/src/activity_filter.c \
  $(FIRMWARE)/src/activity_recognizer.c $(FIRMWARE)/src/segment_detector.c \
  $(FIRMWARE)/src/signal_check.c $(FIRMWARE)/src/window_buffer.c
FIRMWARE_HEADERS := $(wildcard $(FIRMWARE)/src/*.h $(FIRMWARE)/firmware/*.h \
  $(FIRMWARE)/firmware/host/*.h $(FIRMWARE)/qemu/*.h)

.PHONY: firmware firmware-host firmware-equal firmware-faults firmware-qemu firmware-random
.PHONY: firmware-fuzz firmware-s390x firmware-table firmware-live firmware-tools
# A check that fails must not leave a report that looks finished.
.DELETE_ON_ERROR:

# The tools come first: a model takes half a minute, and a check without its compiler fails late.
firmware: firmware-tools firmware-host firmware-faults firmware-fuzz firmware-qemu firmware-s390x firmware-live

# $(1) kinds of tools
define firmware-need
@missing=$$(sh $(FIRMWARE)/firmware/missing_packages.sh $(1)); if [ -n "$$missing" ]; then \
	  echo "error: These checks need Debian packages that are not installed. Received: none of" \
	    "$$missing (apt-get install $$missing)" >&2; exit 2; fi
endef

firmware-tools:
	$(call firmware-need,host fuzz cores s390x)

firmware-tools-%:
	$(call firmware-need,$*)

$(FIRMWARE_BUILD):
	mkdir -p $@

# --- host ---
FIRMWARE_COMPILERS := gcc $(if $(shell command -v clang),clang)
FIRMWARE_SANITIZERS := -g -O1 -fsanitize=address,undefined,float-cast-overflow \
  -fno-sanitize-recover=all
# The kernels for Arm cores run on stand-ins of the intrinsics' headers.
FIRMWARE_KERNELS := portable dsp helium
firmware-kernel-portable :=
firmware-kernel-dsp := -D__ARM_FEATURE_DSP=1 -I$(FIRMWARE)/firmware/host
firmware-kernel-helium := -D__ARM_FEATURE_MVE=1 -I$(FIRMWARE)/firmware/host

# Clips under the sanitizers; random inputs too, at full speed.
FIRMWARE_HOST := $(foreach compiler,$(FIRMWARE_COMPILERS),$(foreach kernel,$(FIRMWARE_KERNELS),\
  $(FIRMWARE_BUILD)/host-$(compiler)-$(kernel).txt \
  $(FIRMWARE_BUILD)/host-$(compiler)-$(kernel)-sanitized.txt))

firmware-host: firmware-tools-host $(FIRMWARE_HOST)
	@grep differing $(FIRMWARE_HOST)

# What every check program prints with.
FIRMWARE_REPORT := $(FIRMWARE)/firmware/print_report.c
FIRMWARE_HOST_SOURCES := $(FIRMWARE_CORE) $(FIRMWARE_REPORT) $(FIRMWARE)/firmware/check_vectors.c \
  $(FIRMWARE)/firmware/host/platform.c

# Test clips and random inputs, each with the outputs of the TensorFlow Lite Micro wheel.
FIRMWARE_EQUAL := $(foreach compiler,$(FIRMWARE_COMPILERS),$(foreach kernel,$(FIRMWARE_KERNELS),\
  $(FIRMWARE_BUILD)/host-$(compiler)-$(kernel).txt))

firmware-equal: firmware-tools-host $(FIRMWARE_EQUAL)
	@for report in $(FIRMWARE_EQUAL); do awk -v build=$$(basename $$report .txt) ' \
	  { value[$$1] = $$2 } \
	  $$1 == "model_buffer_bytes" { \
	    kind = (value["clips"] > 0) ? "test clips" : "random inputs"; \
	    differing = value["differing_input_bytes"] + value["differing_output_bytes"]; \
	    printf("%-20s %6d %-14s %d differing bytes\n", build, value["vectors"], kind, differing) \
	  }' $$report; done

# $(1) compiler, $(2) kernel
define FIRMWARE_HOST_RULES
$(FIRMWARE_BUILD)/host-$(1)-$(2).txt: $(FIRMWARE_HOST_SOURCES) $(FIRMWARE_HEADERS) | $(FIRMWARE_BUILD)
	$(1) $(FIRMWARE_FLAGS) -O2 $$(firmware-kernel-$(2)) $(FIRMWARE_HOST_SOURCES) \
	  -o $(FIRMWARE_BUILD)/host-$(1)-$(2) -lm
	$(FIRMWARE_BUILD)/host-$(1)-$(2) $(FIRMWARE_MODEL)/clips.vectors > $$@
	$(FIRMWARE_BUILD)/host-$(1)-$(2) $(FIRMWARE_MODEL)/random.vectors >> $$@

$(FIRMWARE_BUILD)/host-$(1)-$(2)-sanitized.txt: $(FIRMWARE_HOST_SOURCES) $(FIRMWARE_HEADERS) | $(FIRMWARE_BUILD)
	$(1) $(FIRMWARE_FLAGS) $(FIRMWARE_SANITIZERS) $$(firmware-kernel-$(2)) \
	  $(FIRMWARE_HOST_SOURCES) -o $(FIRMWARE_BUILD)/host-$(1)-$(2)-sanitized -lm
	$(FIRMWARE_BUILD)/host-$(1)-$(2)-sanitized $(FIRMWARE_MODEL)/clips.vectors > $$@
endef
$(foreach compiler,$(FIRMWARE_COMPILERS),$(foreach kernel,$(FIRMWARE_KERNELS),\
  $(eval $(call FIRMWARE_HOST_RULES,$(compiler),$(kernel)))))

# --- faults ---
# The model's settings with one mode or the other: both are checked whatever the model's own is. A
# long hop, because the model is slow under the sanitizers: a share of the windows is enough.
FIRMWARE_MODES := window clip
FIRMWARE_FAULTS := $(foreach compiler,$(FIRMWARE_COMPILERS),$(foreach mode,$(FIRMWARE_MODES),\
  $(FIRMWARE_BUILD)/faults-$(compiler)-$(mode).txt))
firmware-mode-window := PSKD_CLIP_MODE=0 PSKD_WINDOW_RATE_HZ=50.0f \
  PSKD_WINDOW_SAMPLES=PSKD_STEPS PSKD_WINDOW_HOP=48
firmware-mode-clip := PSKD_CLIP_MODE=1 PSKD_MINIMUM_SAMPLES=50 PSKD_MAXIMUM_SAMPLES=200
# The model knows its own mode alone: the other one is taken as exported.
firmware-mode-unchecked := PSKD_EXPORTED_SETTINGS=PSKD_SETTINGS_TEXT \
  PSKD_SETTINGS_CRC=pskd_settings_crc(model_id)
firmware-is-mode-window := PSKD_CLIP_MODE 0
firmware-is-mode-clip := PSKD_CLIP_MODE 1

# $(1) mode, $(2) file
firmware-settings = printf '\#define %s\n' $(patsubst %,'%',$(firmware-mode-$(1)) $(firmware-mode-unchecked)) | tr = ' ' > $(2); \
	  grep -v -E 'define PSKD_(CLIP_MODE|(MINIMUM|MAXIMUM)_SAMPLES|WINDOW_|EXPORTED|SETTINGS_CRC$(firmware-replaced-$(1)))' \
	  $(FIRMWARE_MODEL)/model_settings.h >> $(2)

firmware-faults: firmware-tools-host $(FIRMWARE_FAULTS)
	@grep -e samples' ' -e inferences -e unknown -e no_signal -e broken $(FIRMWARE_FAULTS)

FIRMWARE_FAULTS_SOURCES := $(FIRMWARE_RECOGNIZER) $(FIRMWARE)/firmware/stream_faults.c

# $(1) compiler, $(2) mode
define FIRMWARE_FAULTS_RULES
$(FIRMWARE_BUILD)/faults-$(1)-$(2).txt: $(FIRMWARE_FAULTS_SOURCES) $(FIRMWARE_HEADERS) | $(FIRMWARE_BUILD)
	mkdir -p $(FIRMWARE_BUILD)/faults-$(1)-$(2)
	$$(call firmware-settings,$(2),$(FIRMWARE_BUILD)/faults-$(1)-$(2)/model_settings.h)
	$(1) -I$(FIRMWARE_BUILD)/faults-$(1)-$(2) $(FIRMWARE_FLAGS) $(FIRMWARE_SANITIZERS) \
	  $(FIRMWARE_FAULTS_SOURCES) -o $(FIRMWARE_BUILD)/faults-$(1)-$(2)/stream_faults -lm
	$(FIRMWARE_BUILD)/faults-$(1)-$(2)/stream_faults > $$@
endef
$(foreach compiler,$(FIRMWARE_COMPILERS),$(foreach mode,$(FIRMWARE_MODES),\
  $(eval $(call FIRMWARE_FAULTS_RULES,$(compiler),$(mode)))))

# --- fuzzing ---
# libFuzzer draws inputs that reach new code, FUZZ_RUNS of them for each target. They are the same each
# time without -use_cmp, which steers by operands of comparisons, too: FUZZ_FLAGS= for a campaign.
# An input with a finding is written beside the programs; the program, given its path, runs it alone.
# Of the recognizer each mode, clip mode with six axes, and the features in fixed point.
FUZZ_RUNS ?= 2000
FUZZ_FLAGS ?= -seed=1 -use_cmp=0
FIRMWARE_FUZZ := $(foreach target,samples stamps settings,$(FIRMWARE_MODES:%=fuzz_$(target)-%)) \
  fuzz_samples-six fuzz_stamps-six fuzz_samples-fixed fuzz_slot-clip
FIRMWARE_FUZZ_SOURCES := $(filter-out %/plain_model.c $(FIRMWARE)/src/plain_%,$(FIRMWARE_RECOGNIZER)) \
  $(foreach name,i2c_accelerometer model_identity model_slot sample_queue sensor_fifo,\
  $(FIRMWARE)/src/$(name).c)

firmware-fuzz: firmware-tools-fuzz $(FIRMWARE_FUZZ:%=$(FIRMWARE_BUILD)/%)
	@for target in $(FIRMWARE_FUZZ); do \
	  $(FIRMWARE_BUILD)/$$target -runs=$(FUZZ_RUNS) $(FUZZ_FLAGS) -max_len=512 -len_control=0 \
	    -artifact_prefix=$(FIRMWARE_BUILD)/$$target- > $(FIRMWARE_BUILD)/$$target.txt \
	    2> $(FIRMWARE_BUILD)/$$target.log || { tail -n 40 $(FIRMWARE_BUILD)/$$target.log; exit 1; }; \
	  echo "$$target: 0 findings," $$(cat $(FIRMWARE_BUILD)/$$target.txt); done

# $(1) target, $(2) mode
define FIRMWARE_FUZZ_RULE
$(FIRMWARE_BUILD)/$(1)-$(2): $(FIRMWARE)/fuzz/$(1).c $(wildcard $(FIRMWARE)/fuzz/*.h) \
  $(FIRMWARE_FUZZ_SOURCES) $(FIRMWARE_HEADERS) $(firmware-model-$(2))/plain_model.c | $(FIRMWARE_BUILD)
	mkdir -p $$@-settings
	if [ $(2) = fixed ]; then cp $(FIRMWARE_FIXED)/model_settings.h $$@-settings/; else \
	  $$(call firmware-settings,$(2),$$@-settings/model_settings.h); fi
	clang -I$$@-settings $(FIRMWARE_FLAGS) -I$(FIRMWARE)/fuzz $(FIRMWARE_SANITIZERS) \
	  -fsanitize=fuzzer $(FIRMWARE_FUZZ_SOURCES) $$< -o $$@ -lm
endef
firmware-model-window := $(FIRMWARE_MODEL)
firmware-model-clip := $(FIRMWARE_MODEL)
firmware-model-six := $(FIRMWARE_MODEL)
firmware-mode-six := $(firmware-mode-clip) PSKD_NUM_AXES=6 PSKD_CHANNELS=14
firmware-replaced-six := |NUM_AXES|CHANNELS
firmware-model-fixed := $(FIRMWARE_FIXED)
$(foreach target,samples stamps settings,$(foreach mode,$(FIRMWARE_MODES),\
  $(eval $(call FIRMWARE_FUZZ_RULE,fuzz_$(target),$(mode)))))
$(eval $(call FIRMWARE_FUZZ_RULE,fuzz_samples,six))
$(eval $(call FIRMWARE_FUZZ_RULE,fuzz_stamps,six))
$(eval $(call FIRMWARE_FUZZ_RULE,fuzz_samples,fixed))
$(eval $(call FIRMWARE_FUZZ_RULE,fuzz_slot,clip))

# --- a streamed recording ---
# In the model's own mode with its own settings, and what this machine says must be Python's.
FIRMWARE_STREAM_SOURCES := $(FIRMWARE_RECOGNIZER) $(FIRMWARE_REPORT) \
  $(FIRMWARE)/firmware/stream_recording.c
FIRMWARE_STREAM_HOST := $(foreach mode,$(FIRMWARE_MODES),$(FIRMWARE_BUILD)/stream-$(mode).txt)

# $(1) mode
define FIRMWARE_STREAM_RULES
$(FIRMWARE_BUILD)/stream-$(1).txt: $(FIRMWARE_STREAM_SOURCES) $(FIRMWARE)/firmware/host/platform.c \
  $(FIRMWARE_STREAM)/recording $(FIRMWARE_HEADERS) | $(FIRMWARE_BUILD)
	mkdir -p $(FIRMWARE_BUILD)/stream-$(1)
	if grep -q '$(firmware-is-mode-$(1))' $(FIRMWARE_MODEL)/model_settings.h; then \
	  cp $(FIRMWARE_MODEL)/model_settings.h $(FIRMWARE_BUILD)/stream-$(1)/model_settings.h; \
	else \
	  $$(call firmware-settings,$(1),$(FIRMWARE_BUILD)/stream-$(1)/model_settings.h); \
	fi
	gcc -I$(FIRMWARE_BUILD)/stream-$(1) $(FIRMWARE_FLAGS) -O2 $(FIRMWARE_STREAM_SOURCES) \
	  $(FIRMWARE)/firmware/host/platform.c -o $(FIRMWARE_BUILD)/stream-$(1)/stream_recording -lm
	$(FIRMWARE_BUILD)/stream-$(1)/stream_recording $(FIRMWARE_STREAM)/recording > $$@
	if grep -q '$(firmware-is-mode-$(1))' $(FIRMWARE_MODEL)/model_settings.h; then \
	  cmp $$@ $(FIRMWARE_STREAM)/decisions-$(1).txt; \
	fi
endef
$(foreach mode,$(FIRMWARE_MODES),$(eval $(call FIRMWARE_STREAM_RULES,$(mode))))

# --- emulated boards ---
# Cores and families. The first ones run everything, the others the test clips.
FIRMWARE_RISCV := rv32imac rv32imafc
FIRMWARE_WHOLE := $(foreach core,m4 m33 m55,$(core)-portable $(core)-dsp) m55-helium \
  $(FIRMWARE_RISCV:%=%-portable)
FIRMWARE_BOARDS := m0-portable m3-portable m7-dsp $(FIRMWARE_WHOLE)
# Test clips; golden vectors; the recording in either mode.
FIRMWARE_QEMU := $(FIRMWARE_BOARDS:%=$(FIRMWARE_BUILD)/%.txt) $(foreach board,$(FIRMWARE_WHOLE),\
  $(foreach check,golden $(FIRMWARE_MODES:%=stream-%),$(FIRMWARE_BUILD)/$(board)-$(check).txt))
FIRMWARE_RANDOM := $(FIRMWARE_BOARDS:%=$(FIRMWARE_BUILD)/%-random.txt)
FIRMWARE_SMALL := $(FIRMWARE_BOARDS:%=$(FIRMWARE_BUILD)/%-small.txt)
# Features in fixed point: cores without floating point unit, and one with it.
FIRMWARE_FIXED_BOARDS := m0-portable m3-portable m4-dsp rv32imac-portable
FIRMWARE_QEMU += $(FIRMWARE_FIXED_BOARDS:%=$(FIRMWARE_BUILD)/%-fixed.txt)
# Weights in int16: cores with the DSP extension and without Helium.
FIRMWARE_WIDE_BOARDS := m4-dsp m7-dsp m33-dsp
FIRMWARE_QEMU += $(FIRMWARE_WIDE_BOARDS:%=$(FIRMWARE_BUILD)/%-wide.txt)
FIRMWARE_RANDOM += $(FIRMWARE_WIDE_BOARDS:%=$(FIRMWARE_BUILD)/%-wide_random.txt)

# Emulator and machine; origins of code and RAM; the processor, and SysTick's clock. The microbit has
# 16 KB. The RISC-V core without floating point unit has none in QEMU either.
firmware-emulator-m0 := qemu-system-arm -M microbit
firmware-emulator-m3 := qemu-system-arm -M mps2-an385
firmware-emulator-m4 := qemu-system-arm -M mps2-an386
firmware-emulator-m7 := qemu-system-arm -M mps2-an500
firmware-emulator-m33 := qemu-system-arm -M mps2-an505
firmware-emulator-m55 := qemu-system-arm -M mps3-an547
firmware-emulator-rv32imac := qemu-system-riscv32 -M virt -bios none -cpu rv32,f=false,d=false
firmware-emulator-rv32imafc := qemu-system-riscv32 -M virt -bios none -cpu rv32,d=false
firmware-memory-m0 := CODE_ORIGIN=0x00000000 RAM_ORIGIN=0x20000000 RAM_LENGTH=16K
firmware-memory-m3 := CODE_ORIGIN=0x00000000 RAM_ORIGIN=0x20000000 RAM_LENGTH=128K
firmware-memory-m4 := $(firmware-memory-m3)
firmware-memory-m7 := $(firmware-memory-m3)
firmware-memory-m33 := CODE_ORIGIN=0x10000000 RAM_ORIGIN=0x38000000 RAM_LENGTH=128K
firmware-memory-m55 := CODE_ORIGIN=0x10000000 RAM_ORIGIN=0x30000000 RAM_LENGTH=128K
firmware-memory-rv32imac := CODE_ORIGIN=0x80000000 RAM_ORIGIN=0x80100000 RAM_LENGTH=128K
firmware-memory-rv32imafc := $(firmware-memory-rv32imac)
firmware-cpu-m0 := -mcpu=cortex-m0plus -mfloat-abi=soft
firmware-cpu-m3 := -mcpu=cortex-m3 -mfloat-abi=soft
firmware-cpu-m4 := -mcpu=cortex-m4 -mfpu=fpv4-sp-d16 -mfloat-abi=hard
firmware-cpu-m7 := -mcpu=cortex-m7 -mfpu=fpv5-d16 -mfloat-abi=hard
firmware-cpu-m33 := -mcpu=cortex-m33 -mfpu=fpv5-sp-d16 -mfloat-abi=hard
firmware-cpu-m55 := -mcpu=cortex-m55 -mfloat-abi=hard
firmware-cpu-rv32imac := -march=rv32imac -mabi=ilp32
firmware-cpu-rv32imafc := -march=rv32imafc -mabi=ilp32f
firmware-define-m0 := -DSYSTICK_HZ=16000000u -DMAXIMUM_LENGTH=400
firmware-define-m3 := -DSYSTICK_HZ=25000000u
firmware-define-m4 := -DSYSTICK_HZ=25000000u
firmware-define-m7 := -DSYSTICK_HZ=25000000u
firmware-define-m33 := -DSYSTICK_HZ=20000000u
firmware-define-m55 := -DSYSTICK_HZ=32000000u
# Compiler and C library.
FIRMWARE_ARM := m0 m3 m4 m7 m33 m55
$(foreach core,$(FIRMWARE_ARM),$(eval firmware-tools-$(core) := arm-none-eabi-))
$(foreach core,$(FIRMWARE_ARM),$(eval firmware-library-$(core) := -mthumb --specs=nano.specs))
$(foreach core,$(FIRMWARE_RISCV),$(eval firmware-tools-$(core) := riscv64-unknown-elf-))
$(foreach core,$(FIRMWARE_RISCV),$(eval firmware-library-$(core) := --specs=picolibc.specs))
# What the compiler would choose by itself is the last one of a core.
firmware-choice-portable := -DPSKD_PLAIN_PORTABLE
firmware-choice-dsp := -DPSKD_PLAIN_NO_HELIUM
firmware-choice-helium :=

FIRMWARE_BOARD := $(FIRMWARE)/qemu/platform.c $(FIRMWARE)/qemu/semihosting.c \
  $(FIRMWARE)/qemu/startup.c $(FIRMWARE_REPORT)
FIRMWARE_VECTORS_SOURCES := $(FIRMWARE_CORE) $(FIRMWARE_BOARD) $(FIRMWARE)/firmware/check_vectors.c
FIRMWARE_GOLDEN_SOURCES := $(FIRMWARE_CORE) $(FIRMWARE_BOARD) $(FIRMWARE)/firmware/check_golden.c
FIRMWARE_STREAM_BOARD_SOURCES := $(sort $(FIRMWARE_STREAM_SOURCES) $(FIRMWARE_BOARD))

FIRMWARE_SLOT_BOARDS := m4-dsp
FIRMWARE_QEMU += $(FIRMWARE_SLOT_BOARDS:%=$(FIRMWARE_BUILD)/%-slot.txt)

firmware-qemu: firmware-tools-cores $(FIRMWARE_QEMU)
	@grep -e differing -e _instructions -e stack -e heap $(FIRMWARE_QEMU)
	@for report in $(FIRMWARE_STREAM_HOST); do \
	  echo "$$report: $$(wc -l < $$report) lines, the same on $(words $(FIRMWARE_WHOLE)) builds"; done

firmware-random: firmware-tools-cores $(FIRMWARE_RANDOM)
	@grep -e vectors -e differing $(FIRMWARE_RANDOM)

# Measures and writes the table of docs/on_device.md.
firmware-table: firmware-qemu firmware-s390x $(FIRMWARE_RANDOM) $(FIRMWARE_SMALL)
	$(FIRMWARE_PYTHON) $(FIRMWARE)/firmware/on_device_table.py --build=$(FIRMWARE_BUILD) \
	  --manifest=$(RUN)/export/manifest.json --page=docs/on_device.md

# An instruction takes 2^shift ns.
FIRMWARE_ICOUNT := shift=0
FIRMWARE_EXTRA :=

# Compiles, links, looks for a heap, bounds the stack and runs.
# $(1) report, $(2) core, $(3) kernel, $(4) sources, $(5) folders of headers, $(6) the core's file,
# $(7) functions whose stack is bounded, $(8) optimisation
define FIRMWARE_QEMU_RUN
	rm -rf $(FIRMWARE_BUILD)/$(1) && mkdir -p $(FIRMWARE_BUILD)/$(1)
	cd $(FIRMWARE_BUILD)/$(1) && $(firmware-tools-$(2))gcc $(addprefix -I,$(abspath $(5))) \
	  $(FIRMWARE_CORE_FLAGS) $(strip $(8)) $(firmware-library-$(2)) $(firmware-cpu-$(2)) \
	  $(firmware-define-$(2)) $(firmware-choice-$(3)) $(FIRMWARE_EXTRA) -ffunction-sections \
	  -fdata-sections -fstack-usage -c $(abspath $(4))
	$(firmware-tools-$(2))gcc $(firmware-library-$(2)) $(firmware-cpu-$(2)) -nostartfiles \
	  -T $(FIRMWARE)/qemu/cores.ld -Wl,--gc-sections,--fatal-warnings \
	  -Wl,-Map,$(FIRMWARE_BUILD)/$(1)/firmware.map \
	  $(patsubst %,-Wl$(comma)--defsym=%,$(firmware-memory-$(2))) \
	  $(FIRMWARE_BUILD)/$(1)/*.o -lm -o $(FIRMWARE_BUILD)/$(1)/firmware.elf
	timeout 900 $(firmware-emulator-$(2)) -nographic -monitor none -serial none \
	  -icount $(FIRMWARE_ICOUNT) -kernel $(FIRMWARE_BUILD)/$(1)/firmware.elf \
	  -chardev file,id=report,path=$@ -semihosting-config \
	  enable=on,target=native,chardev=report,arg=$(strip $(6))
	$(firmware-tools-$(2))objdump -d --no-show-raw-insn $(FIRMWARE_BUILD)/$(1)/firmware.elf | \
	  $(FIRMWARE_PYTHON) $(FIRMWARE)/firmware/inspect_image.py $(7) >> $@
endef
comma := ,
FIRMWARE_CORE_FLAGS := $(subst -I$(FIRMWARE),-I$(abspath $(FIRMWARE)),\
  $(subst -I$(FIRMWARE_MODEL),-I$(abspath $(FIRMWARE_MODEL)),$(FIRMWARE_FLAGS)))

# Reports of vectors: their folder, file and optimisation, by the end of the report's name.
firmware-model := $(FIRMWARE_MODEL)
firmware-model-random := $(FIRMWARE_MODEL)
firmware-model-small := $(FIRMWARE_MODEL)
firmware-model-fixed := $(FIRMWARE_FIXED)
firmware-model-wide := $(FIRMWARE_WIDE)
firmware-model-wide_random := $(FIRMWARE_WIDE)
firmware-vectors := clips
firmware-vectors-random := random
firmware-vectors-small := clips
firmware-vectors-fixed := clips
firmware-vectors-wide := clips
firmware-vectors-wide_random := random
firmware-optimisation := -O2
firmware-optimisation-fixed := -O2
firmware-optimisation-wide := -O2
firmware-optimisation-wide_random := -O2
firmware-optimisation-random := -O2
firmware-optimisation-small := -Os

# $(1) core, $(2) kernel, $(3) end of the report's name
define FIRMWARE_QEMU_VECTORS_RULE
$(FIRMWARE_BUILD)/$(1)-$(2)$(3).txt: $(FIRMWARE_VECTORS_SOURCES) $(FIRMWARE_HEADERS) \
  $(firmware-model$(3))/plain_model.c $(FIRMWARE)/qemu/cores.ld
	$$(call FIRMWARE_QEMU_RUN,$(1)-$(2)$(3),$(1),$(2),\
	  $(FIRMWARE_VECTORS_SOURCES:$(FIRMWARE_MODEL)/%=$(firmware-model$(3))/%),$(firmware-model$(3)),\
	  $(firmware-model$(3))/$(firmware-vectors$(3)).vectors,pskd_plain_invoke pskd_prepare_clip,\
	  $(firmware-optimisation$(3)))
endef

# $(1) core, $(2) kernel
define FIRMWARE_QEMU_GOLDEN_RULE
$(FIRMWARE_BUILD)/$(1)-$(2)-golden.txt: $(FIRMWARE_GOLDEN_SOURCES) $(FIRMWARE_HEADERS) \
  $(FIRMWARE)/qemu/cores.ld
	$$(call FIRMWARE_QEMU_RUN,$(1)-$(2)-golden,$(1),$(2),$(FIRMWARE_GOLDEN_SOURCES),\
	  $(FIRMWARE_EXPORT),none,pskd_plain_invoke,-O2)
endef

# $(1) core, $(2) kernel, $(3) mode
define FIRMWARE_QEMU_STREAM_RULES
$(FIRMWARE_BUILD)/$(1)-$(2)-stream-$(3).txt: $(FIRMWARE_STREAM_BOARD_SOURCES) $(FIRMWARE_HEADERS) \
  $(FIRMWARE)/qemu/cores.ld $(FIRMWARE_BUILD)/stream-$(3).txt
	$$(call FIRMWARE_QEMU_RUN,$(1)-$(2)-stream-$(3),$(1),$(2),$(FIRMWARE_STREAM_BOARD_SOURCES),\
	  $(FIRMWARE_BUILD)/stream-$(3),$(FIRMWARE_STREAM)/recording,pskd_activity_recognizer_add,-O2)
	grep -E '^(lost|decided) ' $$@ | cmp - $(FIRMWARE_BUILD)/stream-$(3).txt
endef

# Model slots, good and damaged ones.
FIRMWARE_SLOT_SOURCES := $(FIRMWARE_CORE:$(FIRMWARE_MODEL)/%=$(FIRMWARE_SLOT)/%) $(FIRMWARE_REPORT) \
  $(foreach name,activity_classifier_plain model_identity model_slot,$(FIRMWARE)/src/$(name).c) \
  $(FIRMWARE)/firmware/check_slot.c

# $(1) core, $(2) kernel
define FIRMWARE_QEMU_SLOT_RULE
$(FIRMWARE_BUILD)/$(1)-$(2)-slot.txt: $(FIRMWARE_SLOT_SOURCES) $(FIRMWARE_HEADERS) \
  $(FIRMWARE)/qemu/cores.ld
	$$(call FIRMWARE_QEMU_RUN,$(1)-$(2)-slot,$(1),$(2),\
	  $(sort $(FIRMWARE_SLOT_SOURCES) $(FIRMWARE_BOARD)),$(FIRMWARE_SLOT) $(FIRMWARE_EXPORT),\
	  $(FIRMWARE_SLOT)/model_slot.bin,pskd_plain_invoke,-O2)
endef

# The activity loop, interrupted for each sample: on a slow core, of 15.6 million instructions a
# second; on a quick one, of 1000 million; and on the slow one without interrupt.
FIRMWARE_LIVE_SOURCES := $(sort $(FIRMWARE_RECOGNIZER) $(FIRMWARE_BOARD) \
  $(foreach name,activity_loop activity_responder activity_classifier_plain axis_map \
  model_identity sample_queue self_test,$(FIRMWARE)/src/$(name).c) $(FIRMWARE)/qemu/stream_live.c)
FIRMWARE_LIVE_KINDS := slow quick polled
firmware-icount-slow := shift=6,sleep=off
firmware-icount-quick := shift=0,sleep=off
firmware-icount-polled := shift=6,sleep=off
firmware-extra-polled := -DCOLLECTS_APART=0

# $(1) mode
define FIRMWARE_LIVE_SETTINGS_RULE
$(FIRMWARE_BUILD)/live-$(1)/model_settings.h: $(FIRMWARE_MODEL)/plain_model.c
	mkdir -p $$(dir $$@)
	if grep -q '$(firmware-is-mode-$(1))' $(FIRMWARE_MODEL)/model_settings.h; then \
	  cp $(FIRMWARE_MODEL)/model_settings.h $$@; else $$(call firmware-settings,$(1),$$@); fi
endef
$(foreach mode,$(FIRMWARE_MODES),$(eval $(call FIRMWARE_LIVE_SETTINGS_RULE,$(mode))))

# $(1) core, $(2) kernel, $(3) mode, $(4) kind
define FIRMWARE_QEMU_LIVE_RULE
$(FIRMWARE_BUILD)/$(1)-$(2)-live-$(3)-$(4).txt: FIRMWARE_ICOUNT := $(firmware-icount-$(4))
$(FIRMWARE_BUILD)/$(1)-$(2)-live-$(3)-$(4).txt: FIRMWARE_EXTRA := $(firmware-extra-$(4))
$(FIRMWARE_BUILD)/$(1)-$(2)-live-$(3)-$(4).txt: $(FIRMWARE_LIVE_SOURCES) $(FIRMWARE_HEADERS) \
  $(FIRMWARE)/qemu/cores.ld $(FIRMWARE_BUILD)/live-$(3)/model_settings.h $(FIRMWARE_STREAM)/recording
	$$(call FIRMWARE_QEMU_RUN,$(1)-$(2)-live-$(3)-$(4),$(1),$(2),$(FIRMWARE_LIVE_SOURCES),\
	  $(FIRMWARE_BUILD)/live-$(3),$(FIRMWARE_STREAM)/recording,pskd_plain_invoke,-Os)
endef
FIRMWARE_LIVE := $(foreach mode,$(FIRMWARE_MODES),$(foreach kind,$(FIRMWARE_LIVE_KINDS),\
  $(FIRMWARE_BUILD)/m0-portable-live-$(mode)-$(kind).txt))
$(foreach mode,$(FIRMWARE_MODES),$(foreach kind,$(FIRMWARE_LIVE_KINDS),\
  $(eval $(call FIRMWARE_QEMU_LIVE_RULE,m0,portable,$(mode),$(kind)))))

firmware-live: firmware-tools-cores $(FIRMWARE_LIVE)
	@for mode in $(FIRMWARE_MODES); do \
	  slow=$(FIRMWARE_BUILD)/m0-portable-live-$$mode-slow.txt; \
	  quick=$(FIRMWARE_BUILD)/m0-portable-live-$$mode-quick.txt; \
	  for report in $$slow $$quick; do grep '^activity' $$report > $$report.activities; done; \
	  cmp $$slow.activities $$quick.activities || exit 1; \
	done
	@grep -e '^samples' -e skipped -e longest $(FIRMWARE_LIVE)

# m4-dsp as two words.
firmware-words = $(subst -, ,$(1))
firmware-core = $(word 1,$(firmware-words))
firmware-kernel = $(word 2,$(firmware-words))
$(foreach board,$(FIRMWARE_BOARDS),\
  $(foreach end,_ -random -small -fixed -wide -wide_random,$(eval $(call FIRMWARE_QEMU_VECTORS_RULE,$(call \
    firmware-core,$(board)),$(call firmware-kernel,$(board)),$(filter-out _,$(end))))))
$(foreach board,$(FIRMWARE_WHOLE),\
  $(eval $(call FIRMWARE_QEMU_GOLDEN_RULE,$(call firmware-core,$(board)),$(call \
    firmware-kernel,$(board)))) \
  $(foreach mode,$(FIRMWARE_MODES),$(eval $(call FIRMWARE_QEMU_STREAM_RULES,$(call \
    firmware-core,$(board)),$(call firmware-kernel,$(board)),$(mode)))))
$(foreach board,$(FIRMWARE_SLOT_BOARDS),$(eval $(call FIRMWARE_QEMU_SLOT_RULE,$(call \
  firmware-core,$(board)),$(call firmware-kernel,$(board)))))

# --- a big-endian machine ---
# The files that it reads are little-endian, as everywhere.
S390X := s390x-linux-gnu-
FIRMWARE_S390X := $(FIRMWARE_BUILD)/s390x.txt $(FIRMWARE_BUILD)/s390x-golden.txt \
  $(FIRMWARE_MODES:%=$(FIRMWARE_BUILD)/s390x-stream-%.txt)
FIRMWARE_GOLDEN_HOST := $(FIRMWARE_CORE) $(FIRMWARE_REPORT) $(FIRMWARE)/firmware/check_golden.c \
  $(FIRMWARE)/firmware/host/platform.c
FIRMWARE_STREAM_HOST_SOURCES := $(FIRMWARE_STREAM_SOURCES) $(FIRMWARE)/firmware/host/platform.c

firmware-s390x: firmware-tools-s390x $(FIRMWARE_S390X)
	@grep differing $(FIRMWARE_S390X)
	@for mode in $(FIRMWARE_MODES); do report=$(FIRMWARE_BUILD)/s390x-stream-$$mode.txt; \
	  echo "$$report: $$(wc -l < $$report) lines, the same as on this machine"; done

# Under -std=c99 alone this gcc computes floats as doubles, which accelerometer_features.c refuses.
# $(1) sources, $(2) folder of headers
firmware-s390x-build = $(S390X)gcc -I$(2) $(FIRMWARE_FLAGS) -fexcess-precision=fast -O2 -static $(1) \
	  -o $(basename $@)-program -lm

$(FIRMWARE_BUILD)/s390x.txt: $(FIRMWARE_HOST_SOURCES) $(FIRMWARE_HEADERS) | $(FIRMWARE_BUILD)
	$(call firmware-s390x-build,$(FIRMWARE_HOST_SOURCES),$(FIRMWARE_MODEL))
	qemu-s390x $(basename $@)-program $(FIRMWARE_MODEL)/clips.vectors > $@
	qemu-s390x $(basename $@)-program $(FIRMWARE_MODEL)/random.vectors >> $@

$(FIRMWARE_BUILD)/s390x-golden.txt: $(FIRMWARE_GOLDEN_HOST) $(FIRMWARE_HEADERS) | $(FIRMWARE_BUILD)
	$(call firmware-s390x-build,$(FIRMWARE_GOLDEN_HOST),$(FIRMWARE_EXPORT))
	qemu-s390x $(basename $@)-program > $@

$(FIRMWARE_BUILD)/s390x-stream-%.txt: $(FIRMWARE_STREAM_HOST_SOURCES) $(FIRMWARE_HEADERS) \
  $(FIRMWARE_BUILD)/stream-%.txt
	$(call firmware-s390x-build,$(FIRMWARE_STREAM_HOST_SOURCES),$(FIRMWARE_BUILD)/stream-$*)
	qemu-s390x $(basename $@)-program $(FIRMWARE_STREAM)/recording > $@
	cmp $@ $(FIRMWARE_BUILD)/stream-$*.txt
