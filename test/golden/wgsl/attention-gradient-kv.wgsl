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
@group(0) @binding(7) var<storage, read_write> dk: array<f32>;
@group(0) @binding(8) var<storage, read_write> dv: array<f32>;

@compute @workgroup_size(32)
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_id) l: vec3<u32>,
        @builtin(subgroup_invocation_id) invocation: u32) {
  let lane = invocation & 3u;
  let count = p.position;
  let blocks = (count + 1u) / 2u;
  let id = (w.x + w.y * 65535u) * 8u + l.x / 4u;
  if (id >= p.batch * blocks * p.groups) { return; }
  let group = id % p.groups;
  let block = id / p.groups;
  let start = (block / blocks) * p.position;
  let own = (blocks - 1u - block % blocks) * 2u;
  let pos0 = min(own + 0u, count - 1u);
  let at0 = (start + pos0) * p.groups + group;
  let pos1 = min(own + 1u, count - 1u);
  let at1 = (start + pos1) * p.groups + group;
  let k0of_0 = k[(at0) * 4u + p.keys + lane + 0u];
  let k0_0 = k0of_0 * p.scale;
  let k1of_0 = k[(at1) * 4u + p.keys + lane + 0u];
  let k1_0 = k1of_0 * p.scale;
  let v0of_0 = v[(at0) * 4u + p.keys + lane + 0u];
  let v0_0 = v0of_0;
  let v1of_0 = v[(at1) * 4u + p.keys + lane + 0u];
  let v1_0 = v1of_0;
  var dk0_0 = 0.0;
  var dk1_0 = 0.0;
  var dv0_0 = 0.0;
  var dv1_0 = 0.0;
  let end = p.position;
  for (var query = 0u; query < p.queries; query++) {
  for (var base = own & ~3u; base < end; base += 4u) {
  let position = base + lane;
  let exists = position < p.position;
  let head = ((start + min(base + lane, p.position - 1u)) * p.groups + group) * p.queries + query;
  let rowLse = lse[p.lse + head];
  let rowDelta = delta[p.lse + head];
  let startq0 = (((start + min(base + (lane ^ 0u), p.position - 1u)) * p.groups + group) * p.queries + query) * 4u + p.rows;
  let q0_0 = q[startq0 + lane + 0u];
  let startdOut0 = (((start + min(base + (lane ^ 0u), p.position - 1u)) * p.groups + group) * p.queries + query) * 4u + p.rows;
  let dOut0_0 = dOut[startdOut0 + lane + 0u];
  let dot0_0 = k0_0 * q0_0;
  let dp0_0 = v0_0 * dOut0_0;
  let dot1_0 = k1_0 * q0_0;
  let dp1_0 = v1_0 * dOut0_0;
  let startq1 = (((start + min(base + (lane ^ 1u), p.position - 1u)) * p.groups + group) * p.queries + query) * 4u + p.rows;
  let q1_0 = q[startq1 + lane + 0u];
  let startdOut1 = (((start + min(base + (lane ^ 1u), p.position - 1u)) * p.groups + group) * p.queries + query) * 4u + p.rows;
  let dOut1_0 = dOut[startdOut1 + lane + 0u];
  let dot0_1 = dot0_0 + quadSwapX(k0_0 * q1_0);
  let dp0_1 = dp0_0 + quadSwapX(v0_0 * dOut1_0);
  let dot1_1 = dot1_0 + quadSwapX(k1_0 * q1_0);
  let dp1_1 = dp1_0 + quadSwapX(v1_0 * dOut1_0);
  let startq2 = (((start + min(base + (lane ^ 2u), p.position - 1u)) * p.groups + group) * p.queries + query) * 4u + p.rows;
  let q2_0 = q[startq2 + lane + 0u];
  let startdOut2 = (((start + min(base + (lane ^ 2u), p.position - 1u)) * p.groups + group) * p.queries + query) * 4u + p.rows;
  let dOut2_0 = dOut[startdOut2 + lane + 0u];
  let dot0_2 = dot0_1 + quadSwapY(k0_0 * q2_0);
  let dp0_2 = dp0_1 + quadSwapY(v0_0 * dOut2_0);
  let dot1_2 = dot1_1 + quadSwapY(k1_0 * q2_0);
  let dp1_2 = dp1_1 + quadSwapY(v1_0 * dOut2_0);
  let startq3 = (((start + min(base + (lane ^ 3u), p.position - 1u)) * p.groups + group) * p.queries + query) * 4u + p.rows;
  let q3_0 = q[startq3 + lane + 0u];
  let startdOut3 = (((start + min(base + (lane ^ 3u), p.position - 1u)) * p.groups + group) * p.queries + query) * 4u + p.rows;
  let dOut3_0 = dOut[startdOut3 + lane + 0u];
  let dot0 = dot0_2 + quadSwapDiagonal(k0_0 * q3_0);
  let dp0 = dp0_2 + quadSwapDiagonal(v0_0 * dOut3_0);
  let dot1 = dot1_2 + quadSwapDiagonal(k1_0 * q3_0);
  let dp1 = dp1_2 + quadSwapDiagonal(v1_0 * dOut3_0);
  let s0 = dot0;
  let sees0 = exists & (position >= pos0);
  let e0 = select(0.0, exp(s0 - rowLse), sees0);
  let ds0 = e0 * (dp0 - rowDelta) * p.scale;
  let e0_0 = e0;
  let e0_1 = quadSwapX(e0);
  let e0_2 = quadSwapY(e0);
  let e0_3 = quadSwapDiagonal(e0);
  dv0_0 = fma(e0_3, dOut3_0, fma(e0_2, dOut2_0, fma(e0_1, dOut1_0, fma(e0_0, dOut0_0, dv0_0))));
  let ds0_0 = ds0;
  let ds0_1 = quadSwapX(ds0);
  let ds0_2 = quadSwapY(ds0);
  let ds0_3 = quadSwapDiagonal(ds0);
  dk0_0 = fma(ds0_3, q3_0, fma(ds0_2, q2_0, fma(ds0_1, q1_0, fma(ds0_0, q0_0, dk0_0))));
  let s1 = dot1;
  let sees1 = exists & (position >= pos1);
  let e1 = select(0.0, exp(s1 - rowLse), sees1);
  let ds1 = e1 * (dp1 - rowDelta) * p.scale;
  let e1_0 = e1;
  let e1_1 = quadSwapX(e1);
  let e1_2 = quadSwapY(e1);
  let e1_3 = quadSwapDiagonal(e1);
  dv1_0 = fma(e1_3, dOut3_0, fma(e1_2, dOut2_0, fma(e1_1, dOut1_0, fma(e1_0, dOut0_0, dv1_0))));
  let ds1_0 = ds1;
  let ds1_1 = quadSwapX(ds1);
  let ds1_2 = quadSwapY(ds1);
  let ds1_3 = quadSwapDiagonal(ds1);
  dk1_0 = fma(ds1_3, q3_0, fma(ds1_2, q2_0, fma(ds1_1, q1_0, fma(ds1_0, q0_0, dk1_0))));
  }
  }
  if (own + 0u < count) {
  let start0 = (at0) * 4u + p.keys;
  dk[start0 + lane + 0u] = dk0_0;
  }
  if (own + 1u < count) {
  let start1 = (at1) * 4u + p.keys;
  dk[start1 + lane + 0u] = dk1_0;
  }
  if (own + 0u < count) {
  let start0 = (at0) * 4u + p.keys;
  dv[start0 + lane + 0u] = dv0_0;
  }
  if (own + 1u < count) {
  let start1 = (at1) * 4u + p.keys;
  dv[start1 + lane + 0u] = dv1_0;
  }
}
