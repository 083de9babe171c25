"""Graph to machine code: layouts, kernels, LLVM IR, the engine that runs it. Knows `ir` and `ops`, never tensors."""
