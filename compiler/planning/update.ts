/** The update program of a distillation: global norm, clip, AdamW over the flat arenas, all on the device. */
import { adamw } from "../../kernels/adamw.kernel.js";
import { globalNorm } from "../../kernels/global-norm.kernel.js";
import type { ModelLayout } from "../plan.js";
import type { DistillStep } from "../recipe/recipe.js";
import { stateOf } from "./layout.js";
import { addCalls, type Programs } from "./programs.js";
