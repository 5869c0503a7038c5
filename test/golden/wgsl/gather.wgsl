// map gather
// params 16 3 39 12 3 0 0 0
// binds feed.tokens[0..64] feed.table[0..1920] output.out[0..768]
// groups 1 × 1 × 1
struct Params { v: array<vec4<u32>, 2> }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> b0: array<u32>;
@group(0) @binding(2) var<storage, read> b1: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_id) l: vec3<u32>) {
  let id = (w.x + w.y * 65535u) * 64u + l.x;
  if (id >= p.v[0].x * p.v[0].y) { return; }
  let row = id / p.v[0].y;
  let four = id - row * p.v[0].y;
  let o12 = row * p.v[1].x;
  let e0 = four * 4u + 0u;
  let j1 = min(b0[row], p.v[0].z);
  let t2 = b1[j1 * p.v[0].w + e0];
  let e3 = four * 4u + 1u;
  let j4 = min(b0[row], p.v[0].z);
  let t5 = b1[j4 * p.v[0].w + e3];
  let e6 = four * 4u + 2u;
  let j7 = min(b0[row], p.v[0].z);
  let t8 = b1[j7 * p.v[0].w + e6];
  let e9 = four * 4u + 3u;
  let j10 = min(b0[row], p.v[0].z);
  let t11 = b1[j10 * p.v[0].w + e9];
  out[o12 + four] = vec4<f32>(t2, t5, t8, t11);
}
