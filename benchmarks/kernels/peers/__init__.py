"""What kernels are compared with; each module runs in the environment of its package."""
