"""Graph to machine code: layouts, kernels, LLVM IR, and the engine that runs it. Knows `ir` and `ops`, never tensors."""
