/** What Dawn has beyond @webgpu/types: cooperative matrices, experimental. The one place that knows. */
interface DawnSubgroupMatrixConfig {
  readonly componentType: string;
  readonly resultComponentType: string;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

interface GPUAdapterInfo {
  readonly subgroupMatrixConfigs?: readonly DawnSubgroupMatrixConfig[];
}
