"""Reports that people read: one self-contained HTML page from verdicts and derived tensors."""
