enable subgroups;
diagnostic(off, subgroup_uniformity);
struct Params { batch: u32, position: u32, groups: u32, queries: u32, scale: f32, rows: u32, keys: u32, lse: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> q: array<f32>;
@group(0) @binding(2) var<storage, read> k: array<f32>;
@group(0) @binding(3) var<storage, read> v: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;
@group(0) @binding(5) var<storage, read_write> lse: array<f32>;

@compute @workgroup_size(32)
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_id) l: vec3<u32>,
        @builtin(subgroup_invocation_id) invocation: u32) {
  let lane = invocation & 3u;
  let count = p.position * p.queries;
  let blocks = (count + 1u) / 2u;
  let id = (w.x + w.y * 65535u) * 8u + l.x / 4u;
  if (id >= p.batch * blocks * p.groups) { return; }
  let group = id % p.groups;
  let block = id / p.groups;
  let start = (block / blocks) * p.position;
  let own = (blocks - 1u - block % blocks) * 2u;
  let first = start * p.groups + group;
  let row0of = min(own + 0u, count - 1u);
  let pos0 = row0of / p.queries;
  let at0 = ((start + pos0) * p.groups + group) * p.queries + row0of % p.queries;
  let row1of = min(own + 1u, count - 1u);
  let pos1 = row1of / p.queries;
  let at1 = ((start + pos1) * p.groups + group) * p.queries + row1of % p.queries;
  let q0of_0 = q[(at0) * 4u + p.rows + lane + 0u];
  let q0_0 = q0of_0 * p.scale;
  let q1of_0 = q[(at1) * 4u + p.rows + lane + 0u];
  let q1_0 = q1of_0 * p.scale;
  var most0 = -3.0e38;
  var total0 = 0.0;
  var most1 = -3.0e38;
  var total1 = 0.0;
  var o0_0 = 0.0;
  var o1_0 = 0.0;
  let last = pos1;
  var base = 0u;
  while (base <= last) {
  {
  let source = base + lane;
  let startk0 = (first + min(base + (lane ^ 0u), p.position - 1u) * p.groups) * 4u + p.keys;
  let k0_0 = k[startk0 + lane + 0u];
  let dot0_0 = q0_0 * k0_0;
  let dot1_0 = q1_0 * k0_0;
  let startk1 = (first + min(base + (lane ^ 1u), p.position - 1u) * p.groups) * 4u + p.keys;
  let k1_0 = k[startk1 + lane + 0u];
  let dot0_1 = dot0_0 + quadSwapX(q0_0 * k1_0);
  let dot1_1 = dot1_0 + quadSwapX(q1_0 * k1_0);
  let startk2 = (first + min(base + (lane ^ 2u), p.position - 1u) * p.groups) * 4u + p.keys;
  let k2_0 = k[startk2 + lane + 0u];
  let dot0_2 = dot0_1 + quadSwapY(q0_0 * k2_0);
  let dot1_2 = dot1_1 + quadSwapY(q1_0 * k2_0);
  let startk3 = (first + min(base + (lane ^ 3u), p.position - 1u) * p.groups) * 4u + p.keys;
  let k3_0 = k[startk3 + lane + 0u];
  let dot0 = dot0_2 + quadSwapDiagonal(q0_0 * k3_0);
  let dot1 = dot1_2 + quadSwapDiagonal(q1_0 * k3_0);
  let s0 = select(-3.0e38, dot0, (source <= pos0));
  let s1 = select(-3.0e38, dot1, (source <= pos1));
  let largest0_0 = s0;
  let largest0_1 = max(largest0_0, quadSwapX(largest0_0));
  let largest0_2 = max(largest0_1, quadSwapY(largest0_1));
  let largest0 = largest0_2;
  let m0 = select(most0, largest0, largest0 > most0 + 16.0);
  let shrink0 = exp(most0 - m0);
  most0 = m0;
  total0 *= shrink0;
  o0_0 *= shrink0;
  let largest1_0 = s1;
  let largest1_1 = max(largest1_0, quadSwapX(largest1_0));
  let largest1_2 = max(largest1_1, quadSwapY(largest1_1));
  let largest1 = largest1_2;
  let m1 = select(most1, largest1, largest1 > most1 + 16.0);
  let shrink1 = exp(most1 - m1);
  most1 = m1;
  total1 *= shrink1;
  o1_0 *= shrink1;
  }
  let taken = base;
  let limit0 = most0 + 16.0;
  let limit1 = most1 + 16.0;
  for (; base <= last; base += 4u) {
  let source = base + lane;
  let startk0 = (first + min(base + (lane ^ 0u), p.position - 1u) * p.groups) * 4u + p.keys;
  let k0_0 = k[startk0 + lane + 0u];
  let dot0_0 = q0_0 * k0_0;
  let dot1_0 = q1_0 * k0_0;
  let startk1 = (first + min(base + (lane ^ 1u), p.position - 1u) * p.groups) * 4u + p.keys;
  let k1_0 = k[startk1 + lane + 0u];
  let dot0_1 = dot0_0 + quadSwapX(q0_0 * k1_0);
  let dot1_1 = dot1_0 + quadSwapX(q1_0 * k1_0);
  let startk2 = (first + min(base + (lane ^ 2u), p.position - 1u) * p.groups) * 4u + p.keys;
  let k2_0 = k[startk2 + lane + 0u];
  let dot0_2 = dot0_1 + quadSwapY(q0_0 * k2_0);
  let dot1_2 = dot1_1 + quadSwapY(q1_0 * k2_0);
  let startk3 = (first + min(base + (lane ^ 3u), p.position - 1u) * p.groups) * 4u + p.keys;
  let k3_0 = k[startk3 + lane + 0u];
  let dot0 = dot0_2 + quadSwapDiagonal(q0_0 * k3_0);
  let dot1 = dot1_2 + quadSwapDiagonal(q1_0 * k3_0);
  let s0 = select(-3.0e38, dot0, (source <= pos0));
  let s1 = select(-3.0e38, dot1, (source <= pos1));
  let over_0 = select(0u, 1u, (s0 > limit0) | (s1 > limit1));
  let over_1 = (over_0 | quadSwapX(over_0));
  let over_2 = (over_1 | quadSwapY(over_1));
  let over = over_2;
  if ((over != 0u) & (base != taken)) { break; }
  let e0 = exp(s0 - most0);
  total0 += e0;
  let e1 = exp(s1 - most1);
  total1 += e1;
  let startv0 = (first + min(base + (lane ^ 0u), p.position - 1u) * p.groups) * 4u + p.keys;
  let v0_0 = v[startv0 + lane + 0u];
  let startv1 = (first + min(base + (lane ^ 1u), p.position - 1u) * p.groups) * 4u + p.keys;
  let v1_0 = v[startv1 + lane + 0u];
  let startv2 = (first + min(base + (lane ^ 2u), p.position - 1u) * p.groups) * 4u + p.keys;
  let v2_0 = v[startv2 + lane + 0u];
  let startv3 = (first + min(base + (lane ^ 3u), p.position - 1u) * p.groups) * 4u + p.keys;
  let v3_0 = v[startv3 + lane + 0u];
  let e0_0 = e0;
  let e0_1 = quadSwapX(e0);
  let e0_2 = quadSwapY(e0);
  let e0_3 = quadSwapDiagonal(e0);
  o0_0 = fma(e0_3, v3_0, fma(e0_2, v2_0, fma(e0_1, v1_0, fma(e0_0, v0_0, o0_0))));
  let e1_0 = e1;
  let e1_1 = quadSwapX(e1);
  let e1_2 = quadSwapY(e1);
  let e1_3 = quadSwapDiagonal(e1);
  o1_0 = fma(e1_3, v3_0, fma(e1_2, v2_0, fma(e1_1, v1_0, fma(e1_0, v0_0, o1_0))));
  }
  }
  let sum0_0 = total0;
  let sum0_1 = sum0_0 + quadSwapX(sum0_0);
  let sum0_2 = sum0_1 + quadSwapY(sum0_1);
  let sum0 = sum0_2;
  let sum1_0 = total1;
  let sum1_1 = sum1_0 + quadSwapX(sum1_0);
  let sum1_2 = sum1_1 + quadSwapY(sum1_1);
  let sum1 = sum1_2;
  if (own + 0u < count) {
  let start0 = (at0) * 4u + p.rows;
  out[start0 + lane + 0u] = o0_0 / sum0;
  }
  if (own + 1u < count) {
  let start1 = (at1) * 4u + p.rows;
  out[start1 + lane + 0u] = o1_0 / sum1;
  }
  if (lane == 0u && own + 0u < count) { lse[p.lse + at0] = most0 + log(sum0); }
  if (lane == 0u && own + 1u < count) { lse[p.lse + at1] = most1 + log(sum1); }
}
