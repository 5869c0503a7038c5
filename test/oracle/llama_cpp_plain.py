"""llama_cpp without weights packed anew for special instructions, which some containers forbid."""
import llama_cpp

default = llama_cpp.llama_cpp.llama_model_default_params


def plain():
    parameters = default()
    parameters.use_extra_bufts = False
    return parameters


llama_cpp.llama_cpp.llama_model_default_params = plain
