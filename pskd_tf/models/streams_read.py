"""Which streams each model of the chain reads."""

STREAMS_READ = {
    "skeleton_teacher": ("skeleton",),
    "fusion_teacher": ("accelerometer", "skeleton"),
    "accelerometer_teacher": ("accelerometer",),
    "accelerometer_student": ("accelerometer",),
    "ign_student": ("accelerometer",),
    "gmp_student": ("accelerometer",),
}
