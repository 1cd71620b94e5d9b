# Prints the Debian packages that checks of `make firmware` need and this machine lacks.
#
# sh missing_packages.sh KIND...   host, fuzz, cores or s390x; nothing is printed if none is missing

# Commands and files that only these packages have.
# $1 command, $2 its packages, $3 a file that the compiler must find
need() {
  command -v "$1" >/dev/null && { [ -z "$3" ] || [ "$("$1" -print-file-name="$3")" != "$3" ]; } ||
    echo "$2"
}

# The sanitizers' and the fuzzer's runtime, in whichever folder this clang has them.
need_clang() {
  command -v clang >/dev/null || { echo clang libclang-rt-dev && return; }
  echo 'int LLVMFuzzerTestOneInput(const char *data, long size) { return 0; }' |
    clang -fsanitize=fuzzer,address,undefined -w -x c - -o /dev/null 2>/dev/null ||
    echo libclang-rt-dev
}

for kind in "$@"; do
  case $kind in
    host)
      need gcc "gcc libc6-dev" libc.so
      if command -v clang >/dev/null; then need_clang; fi
      ;;
    fuzz) need_clang ;;
    cores)
      need arm-none-eabi-gcc "gcc-arm-none-eabi libnewlib-arm-none-eabi" nano.specs
      need qemu-system-arm qemu-system-arm
      need riscv64-unknown-elf-gcc "gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf" \
        picolibc.specs
      need qemu-system-riscv32 qemu-system-misc
      ;;
    s390x)
      need s390x-linux-gnu-gcc "gcc-s390x-linux-gnu libc6-dev-s390x-cross" libc.a
      need qemu-s390x qemu-user
      ;;
  esac
done | sort -u | tr '\n' ' ' | sed 's/ $//'
