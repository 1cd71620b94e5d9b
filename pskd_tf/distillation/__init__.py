"""Losses, the distiller, and the stages that train teachers and student."""
