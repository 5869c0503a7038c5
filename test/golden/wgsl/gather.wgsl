// map gather
// params 16 12 39 12 12 0 0 0
// binds feed.tokens[0..64] feed.table[0..1920] output.out[0..768]
// groups 1 × 1 × 1
struct Params { v: array<vec4<u32>, 2> }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> b0: array<u32>;
@group(0) @binding(2) var<storage, read> b1: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_id) l: vec3<u32>) {
  let chunks = (p.v[0].y + 3u) / 4u;
  let id = (w.x + w.y * 65535u) * 64u + l.x;
  if (id >= p.v[0].x * chunks) { return; }
  let row = id / chunks;
  let first = (id - row * chunks) * 4u;
  let o3 = row * p.v[1].x;
  let e0 = first + 0u;
  {
    let j1 = min(b0[row], p.v[0].z);
    let t2 = b1[j1 * p.v[0].w + e0];
    out[o3 + e0] = t2;
  }
  let e4 = first + 1u;
  {
    let j5 = min(b0[row], p.v[0].z);
    let t6 = b1[j5 * p.v[0].w + e4];
    out[o3 + e4] = t6;
  }
  let e7 = first + 2u;
  {
    let j8 = min(b0[row], p.v[0].z);
    let t9 = b1[j8 * p.v[0].w + e7];
    out[o3 + e7] = t9;
  }
  let e10 = first + 3u;
  {
    let j11 = min(b0[row], p.v[0].z);
    let t12 = b1[j11 * p.v[0].w + e10];
    out[o3 + e10] = t12;
  }
}
