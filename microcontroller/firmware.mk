# The plain C student on this machine and on emulated Cortex-M cores.
#
#   make firmware RUN=runs/demo      checks the student of a run; without RUN, of a tiny one
#   make firmware-host               gcc and, where there is one, clang; sanitizers
#   make firmware-qemu               Cortex-M4F, M33 and M55 in QEMU, both kernels
#   make firmware-faults             a failing sensor, 1,000,000 samples in either mode, sanitized
#   make firmware-table              the same, written into docs/on_device.md
#
# Reports lie in FIRMWARE_BUILD as files of `name value` lines. Only firmware-qemu needs
# gcc-arm-none-eabi, libnewlib-arm-none-eabi and qemu-system-arm.
FIRMWARE := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
FIRMWARE_PYTHON ?= $(if $(BIN),$(BIN)/python,python3)
RUN ?= build/firmware/run
FIRMWARE_BUILD ?= build/firmware/$(subst /,_,$(RUN))
# FIRMWARE_MODEL holds plain_model.{h,c}, model_settings.h, clips.vectors and random.vectors; given
# by hand, nothing makes it.
ifndef FIRMWARE_MODEL
FIRMWARE_MODEL := $(FIRMWARE_BUILD)/model

# A model of generated data, for whoever has no run at hand.
build/firmware/run/export/manifest.json: | $(if $(VENV),$(VENV)/.installed)
	$(FIRMWARE_PYTHON) -m pskd_tf.train --flagfile=configs/tiny.flags --run_dir=build/firmware/run

$(FIRMWARE_MODEL)/plain_model.c: $(RUN)/export/manifest.json \
  $(wildcard pskd_tf/export/plain_c/*.py) | $(if $(VENV),$(VENV)/.installed)
	$(FIRMWARE_PYTHON) -m pskd_tf.export.plain_c --run_dir=$(RUN) --out=$(FIRMWARE_MODEL)
endif

FIRMWARE_WARNINGS := -std=c99 -Wall -Wextra -Werror -pedantic -Wshadow -Wdouble-promotion \
  -Wmissing-prototypes -Wstrict-prototypes
# Contraction would move features by a step of int8; errno keeps sqrtf from being one instruction.
FIRMWARE_FLAGS := $(FIRMWARE_WARNINGS) -ffp-contract=off -fno-math-errno \
  -I$(FIRMWARE_MODEL) -I$(FIRMWARE)/src -I$(FIRMWARE)/firmware
FIRMWARE_CORE := $(FIRMWARE)/src/accelerometer_features.c $(FIRMWARE)/src/plain_kernels.c \
  $(FIRMWARE_MODEL)/plain_model.c
FIRMWARE_HEADERS := $(wildcard $(FIRMWARE)/src/*.h $(FIRMWARE)/firmware/*.h \
  $(FIRMWARE)/firmware/host/*.h $(FIRMWARE)/qemu/*.h)

.PHONY: firmware firmware-host firmware-faults firmware-qemu firmware-table
# A check that fails must not leave a report that looks finished.
.DELETE_ON_ERROR:

firmware: firmware-host firmware-faults firmware-qemu

$(FIRMWARE_BUILD):
	mkdir -p $@

# --- host ---
FIRMWARE_COMPILERS := gcc $(if $(shell command -v clang),clang)
FIRMWARE_SANITIZERS := -g -O1 -fsanitize=address,undefined,float-cast-overflow \
  -fno-sanitize-recover=all
# Clips under the sanitizers; random inputs too, at full speed.
FIRMWARE_HOST := $(foreach compiler,$(FIRMWARE_COMPILERS),$(foreach kernel,portable dsp,\
  $(FIRMWARE_BUILD)/host-$(compiler)-$(kernel).txt \
  $(FIRMWARE_BUILD)/host-$(compiler)-$(kernel)-sanitized.txt))

firmware-host: $(FIRMWARE_HOST)
	@grep differing $(FIRMWARE_HOST)

# The DSP kernels run on a stand-in of the intrinsics' header.
firmware-kernel-portable :=
firmware-kernel-dsp := -D__ARM_FEATURE_DSP=1 -I$(FIRMWARE)/firmware/host

FIRMWARE_HOST_SOURCES := $(FIRMWARE_CORE) $(FIRMWARE)/firmware/check_vectors.c \
  $(FIRMWARE)/firmware/host/platform.c

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
$(foreach compiler,$(FIRMWARE_COMPILERS),$(foreach kernel,portable dsp,\
  $(eval $(call FIRMWARE_HOST_RULES,$(compiler),$(kernel)))))

# --- faults ---
# The model's settings with one mode or the other: both are checked whatever the model's own is. A
# long hop, because the model is slow under the sanitizers: a share of the windows is enough.
FIRMWARE_FAULTS := $(FIRMWARE_BUILD)/faults-window.txt $(FIRMWARE_BUILD)/faults-clip.txt
firmware-mode-window := PSKD_CLIP_MODE=0 PSKD_WINDOW_RATE_HZ=50.0f \
  PSKD_WINDOW_SAMPLES=PSKD_STEPS PSKD_WINDOW_HOP=48
firmware-mode-clip := PSKD_CLIP_MODE=1 PSKD_MINIMUM_SAMPLES=50 PSKD_MAXIMUM_SAMPLES=200

firmware-faults: $(FIRMWARE_FAULTS)
	@grep -e samples' ' -e inferences -e unknown -e no_signal -e broken $(FIRMWARE_FAULTS)

FIRMWARE_FAULTS_SOURCES := $(wildcard $(FIRMWARE)/src/*.c) $(FIRMWARE_MODEL)/plain_model.c \
  $(FIRMWARE)/firmware/stream_faults.c

# $(1) mode
define FIRMWARE_FAULTS_RULES
$(FIRMWARE_BUILD)/faults-$(1).txt: $(FIRMWARE_FAULTS_SOURCES) $(FIRMWARE_HEADERS) | $(FIRMWARE_BUILD)
	mkdir -p $(FIRMWARE_BUILD)/faults-$(1)
	printf '#define %s\n' $(patsubst %,'%',$(firmware-mode-$(1))) | tr = ' ' \
	  > $(FIRMWARE_BUILD)/faults-$(1)/model_settings.h
	grep -v -E 'define PSKD_(CLIP_MODE|(MINIMUM|MAXIMUM)_SAMPLES|WINDOW_)' \
	  $(FIRMWARE_MODEL)/model_settings.h >> $(FIRMWARE_BUILD)/faults-$(1)/model_settings.h
	gcc -I$(FIRMWARE_BUILD)/faults-$(1) $(FIRMWARE_FLAGS) $(FIRMWARE_SANITIZERS) \
	  $(FIRMWARE_FAULTS_SOURCES) -o $(FIRMWARE_BUILD)/faults-$(1)/stream_faults -lm
	$(FIRMWARE_BUILD)/faults-$(1)/stream_faults > $$@
endef
$(foreach mode,window clip,$(eval $(call FIRMWARE_FAULTS_RULES,$(mode))))

# --- emulated boards ---
ARM := arm-none-eabi-
FIRMWARE_CORES := m4 m33 m55
FIRMWARE_QEMU := $(foreach core,$(FIRMWARE_CORES),$(foreach kernel,portable dsp,\
  $(FIRMWARE_BUILD)/$(core)-$(kernel).txt))

# Machine, origins of code and RAM, SysTick's clock.
firmware-machine-m4 := mps2-an386
firmware-machine-m33 := mps2-an505
firmware-machine-m55 := mps3-an547
firmware-memory-m4 := CODE_ORIGIN=0x00000000 RAM_ORIGIN=0x20000000
firmware-memory-m33 := CODE_ORIGIN=0x10000000 RAM_ORIGIN=0x38000000
firmware-memory-m55 := CODE_ORIGIN=0x10000000 RAM_ORIGIN=0x30000000
firmware-cpu-m4 := -mcpu=cortex-m4 -mfpu=fpv4-sp-d16 -DSYSTICK_HZ=25000000u
firmware-cpu-m33 := -mcpu=cortex-m33 -mfpu=fpv5-sp-d16 -DSYSTICK_HZ=20000000u
firmware-cpu-m55 := -mcpu=cortex-m55 -DSYSTICK_HZ=32000000u
firmware-choice-portable := -DPSKD_PLAIN_PORTABLE
firmware-choice-dsp :=

FIRMWARE_BOARD_SOURCES := $(FIRMWARE_CORE) $(FIRMWARE)/firmware/check_vectors.c \
  $(FIRMWARE)/qemu/platform.c $(FIRMWARE)/qemu/semihosting.c $(FIRMWARE)/qemu/startup.c

firmware-qemu: $(FIRMWARE_QEMU)
	@grep -e differing -e model_instructions $(FIRMWARE_QEMU)

# Measures and writes the table of docs/on_device.md.
firmware-table: firmware-qemu
	$(FIRMWARE_PYTHON) $(FIRMWARE)/firmware/on_device_table.py --build=$(FIRMWARE_BUILD) \
	  --manifest=$(RUN)/export/manifest.json --page=docs/on_device.md

# $(1) core, $(2) kernel
define FIRMWARE_QEMU_RULES
$(FIRMWARE_BUILD)/$(1)-$(2).txt: $(FIRMWARE_BOARD_SOURCES) $(FIRMWARE_HEADERS) \
  $(FIRMWARE)/qemu/cores.ld
	rm -rf $(FIRMWARE_BUILD)/$(1)-$(2) && mkdir -p $(FIRMWARE_BUILD)/$(1)-$(2)
	for source in $(FIRMWARE_BOARD_SOURCES); do \
	  $(ARM)gcc $(FIRMWARE_FLAGS) -O2 -mthumb -mfloat-abi=hard $$(firmware-cpu-$(1)) \
	    $$(firmware-choice-$(2)) -ffunction-sections -fdata-sections -c $$$$source \
	    -o $(FIRMWARE_BUILD)/$(1)-$(2)/$$$$(basename $$$$(dirname $$$$source))_$$$$(basename $$$$source .c).o \
	    || exit 1; \
	done
	$(ARM)gcc -mthumb -mfloat-abi=hard $$(firmware-cpu-$(1)) -nostartfiles --specs=nano.specs \
	  -Wl,--gc-sections,--fatal-warnings,-T,$(FIRMWARE)/qemu/cores.ld \
	  -Wl,-Map,$(FIRMWARE_BUILD)/$(1)-$(2)/firmware.map \
	  $$(patsubst %,-Wl$$(comma)--defsym=%,$$(firmware-memory-$(1))) \
	  $(FIRMWARE_BUILD)/$(1)-$(2)/*.o -lm -o $(FIRMWARE_BUILD)/$(1)-$(2)/firmware.elf
	timeout 300 qemu-system-arm -M $$(firmware-machine-$(1)) -nographic -monitor none -serial none \
	  -icount shift=0 -kernel $(FIRMWARE_BUILD)/$(1)-$(2)/firmware.elf \
	  -chardev file,id=report,path=$$@ -semihosting-config \
	  enable=on,target=native,chardev=report,arg=$(FIRMWARE_MODEL)/clips.vectors
endef
comma := ,
$(foreach core,$(FIRMWARE_CORES),$(foreach kernel,portable dsp,\
  $(eval $(call FIRMWARE_QEMU_RULES,$(core),$(kernel)))))
