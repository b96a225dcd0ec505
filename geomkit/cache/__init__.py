"""The folder where kernels are kept between processes."""
