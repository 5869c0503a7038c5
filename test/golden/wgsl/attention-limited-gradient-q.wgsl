enable subgroups;
diagnostic(off, subgroup_uniformity);
struct Params { batch: u32, position: u32, groups: u32, queries: u32, scale: f32, rows: u32, keys: u32, lse: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> q: array<f32>;
@group(0) @binding(2) var<storage, read> k: array<f32>;
@group(0) @binding(3) var<storage, read> v: array<f32>;
@group(0) @binding(4) var<storage, read> lse: array<f32>;
@group(0) @binding(5) var<storage, read> dOut: array<f32>;
@group(0) @binding(6) var<storage, read> delta: array<f32>;
@group(0) @binding(7) var<storage, read_write> dq: array<f32>;

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
  let g0of_0 = dOut[(at0) * 4u + p.rows + lane + 0u];
  let g0_0 = g0of_0;
  let g1of_0 = dOut[(at1) * 4u + p.rows + lane + 0u];
  let g1_0 = g1of_0;
  let lse0 = lse[p.lse + at0];
  let delta0 = delta[p.lse + at0];
  let lse1 = lse[p.lse + at1];
  let delta1 = delta[p.lse + at1];
  var d0_0 = 0.0;
  var d1_0 = 0.0;
  for (var base = select(0u, pos0 + 1u - 3u, pos0 >= 3u) & ~3u; base <= pos1; base += 4u) {
  let source = base + lane;
  let startk0 = (first + min(base + (lane ^ 0u), p.position - 1u) * p.groups) * 4u + p.keys;
  let k0_0 = k[startk0 + lane + 0u];
  let startv0 = (first + min(base + (lane ^ 0u), p.position - 1u) * p.groups) * 4u + p.keys;
  let v0_0 = v[startv0 + lane + 0u];
  let dot0_0 = q0_0 * k0_0;
  let dp0_0 = g0_0 * v0_0;
  let dot1_0 = q1_0 * k0_0;
  let dp1_0 = g1_0 * v0_0;
  let startk1 = (first + min(base + (lane ^ 1u), p.position - 1u) * p.groups) * 4u + p.keys;
  let k1_0 = k[startk1 + lane + 0u];
  let startv1 = (first + min(base + (lane ^ 1u), p.position - 1u) * p.groups) * 4u + p.keys;
  let v1_0 = v[startv1 + lane + 0u];
  let dot0_1 = dot0_0 + quadSwapX(q0_0 * k1_0);
  let dp0_1 = dp0_0 + quadSwapX(g0_0 * v1_0);
  let dot1_1 = dot1_0 + quadSwapX(q1_0 * k1_0);
  let dp1_1 = dp1_0 + quadSwapX(g1_0 * v1_0);
  let startk2 = (first + min(base + (lane ^ 2u), p.position - 1u) * p.groups) * 4u + p.keys;
  let k2_0 = k[startk2 + lane + 0u];
  let startv2 = (first + min(base + (lane ^ 2u), p.position - 1u) * p.groups) * 4u + p.keys;
  let v2_0 = v[startv2 + lane + 0u];
  let dot0_2 = dot0_1 + quadSwapY(q0_0 * k2_0);
  let dp0_2 = dp0_1 + quadSwapY(g0_0 * v2_0);
  let dot1_2 = dot1_1 + quadSwapY(q1_0 * k2_0);
  let dp1_2 = dp1_1 + quadSwapY(g1_0 * v2_0);
  let startk3 = (first + min(base + (lane ^ 3u), p.position - 1u) * p.groups) * 4u + p.keys;
  let k3_0 = k[startk3 + lane + 0u];
  let startv3 = (first + min(base + (lane ^ 3u), p.position - 1u) * p.groups) * 4u + p.keys;
  let v3_0 = v[startv3 + lane + 0u];
  let dot0 = dot0_2 + quadSwapDiagonal(q0_0 * k3_0);
  let dp0 = dp0_2 + quadSwapDiagonal(g0_0 * v3_0);
  let dot1 = dot1_2 + quadSwapDiagonal(q1_0 * k3_0);
  let dp1 = dp1_2 + quadSwapDiagonal(g1_0 * v3_0);
  let s0 = 50 * tanh(clamp(dot0 / 50, -9.0, 9.0));
  let e0 = select(0.0, exp(s0 - lse0), (source <= pos0) & (source + 3u > pos0));
  let ds0 = e0 * (dp0 - delta0) * p.scale * (1.0 - (s0 / 50) * (s0 / 50));
  let ds0_0 = ds0;
  let ds0_1 = quadSwapX(ds0);
  let ds0_2 = quadSwapY(ds0);
  let ds0_3 = quadSwapDiagonal(ds0);
  d0_0 = fma(ds0_3, k3_0, fma(ds0_2, k2_0, fma(ds0_1, k1_0, fma(ds0_0, k0_0, d0_0))));
  let s1 = 50 * tanh(clamp(dot1 / 50, -9.0, 9.0));
  let e1 = select(0.0, exp(s1 - lse1), (source <= pos1) & (source + 3u > pos1));
  let ds1 = e1 * (dp1 - delta1) * p.scale * (1.0 - (s1 / 50) * (s1 / 50));
  let ds1_0 = ds1;
  let ds1_1 = quadSwapX(ds1);
  let ds1_2 = quadSwapY(ds1);
  let ds1_3 = quadSwapDiagonal(ds1);
  d1_0 = fma(ds1_3, k3_0, fma(ds1_2, k2_0, fma(ds1_1, k1_0, fma(ds1_0, k0_0, d1_0))));
  }
  if (own + 0u < count) {
  let start0 = (at0) * 4u + p.rows;
  dq[start0 + lane + 0u] = d0_0;
  }
  if (own + 1u < count) {
  let start1 = (at1) * 4u + p.rows;
  dq[start1 + lane + 0u] = d1_0;
  }
}
