// map mul
// params 16 12 12 12
// binds feed.x[0..768] feed.gain[0..48] output.out[0..768]
// groups 1 × 1 × 1
struct Params { v: array<vec4<u32>, 1> }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> b0: array<f32>;
@group(0) @binding(2) var<storage, read> b1: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_id) l: vec3<u32>) {
  let chunks = (p.v[0].y + 3u) / 4u;
  let id = (w.x + w.y * 65535u) * 64u + l.x;
  if (id >= p.v[0].x * chunks) { return; }
  let row = id / chunks;
  let first = (id - row * chunks) * 4u;
  let o1 = row * p.v[0].z;
  let o5 = row * p.v[0].w;
  let e0 = first + 0u;
  {
    let t2 = b0[o1 + e0];
    let t3 = b1[e0];
    let t4 = (t2 * t3);
    out[o5 + e0] = t4;
  }
  let e6 = first + 1u;
  {
    let t7 = b0[o1 + e6];
    let t8 = b1[e6];
    let t9 = (t7 * t8);
    out[o5 + e6] = t9;
  }
  let e10 = first + 2u;
  {
    let t11 = b0[o1 + e10];
    let t12 = b1[e10];
    let t13 = (t11 * t12);
    out[o5 + e10] = t13;
  }
  let e14 = first + 3u;
  {
    let t15 = b0[o1 + e14];
    let t16 = b1[e14];
    let t17 = (t15 * t16);
    out[o5 + e14] = t17;
  }
}
