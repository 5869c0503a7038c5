// map gather
// params 16 12 0 15 12 0 12 0
// binds feed.tokens[0..64] feed.table[0..768] output.out[0..768]
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
  let o3 = row * p.v[1].z;
  let e0 = first + 0u;
  {
    let j1 = clamp(b0[row], p.v[0].z, p.v[0].w);
    let inside = b0[row] == j1;
    let t2 = b1[j1 * p.v[1].x + e0 - p.v[1].y];
    out[o3 + e0] = select(select(out[o3 + e0], 0.0, p.v[0].z == 0u), t2, inside);
  }
  let e4 = first + 1u;
  {
    let j5 = clamp(b0[row], p.v[0].z, p.v[0].w);
    let inside = b0[row] == j5;
    let t6 = b1[j5 * p.v[1].x + e4 - p.v[1].y];
    out[o3 + e4] = select(select(out[o3 + e4], 0.0, p.v[0].z == 0u), t6, inside);
  }
  let e7 = first + 2u;
  {
    let j8 = clamp(b0[row], p.v[0].z, p.v[0].w);
    let inside = b0[row] == j8;
    let t9 = b1[j8 * p.v[1].x + e7 - p.v[1].y];
    out[o3 + e7] = select(select(out[o3 + e7], 0.0, p.v[0].z == 0u), t9, inside);
  }
  let e10 = first + 3u;
  {
    let j11 = clamp(b0[row], p.v[0].z, p.v[0].w);
    let inside = b0[row] == j11;
    let t12 = b1[j11 * p.v[1].x + e10 - p.v[1].y];
    out[o3 + e10] = select(select(out[o3 + e10], 0.0, p.v[0].z == 0u), t12, inside);
  }
}

// map gather
// params 16 12 16 31 12 128 12 0
// binds feed.tokens[0..64] feed.table[512..1536] output.out[0..768]
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
  let o3 = row * p.v[1].z;
  let e0 = first + 0u;
  {
    let j1 = clamp(b0[row], p.v[0].z, p.v[0].w);
    let inside = b0[row] == j1;
    let t2 = b1[j1 * p.v[1].x + e0 - p.v[1].y];
    out[o3 + e0] = select(select(out[o3 + e0], 0.0, p.v[0].z == 0u), t2, inside);
  }
  let e4 = first + 1u;
  {
    let j5 = clamp(b0[row], p.v[0].z, p.v[0].w);
    let inside = b0[row] == j5;
    let t6 = b1[j5 * p.v[1].x + e4 - p.v[1].y];
    out[o3 + e4] = select(select(out[o3 + e4], 0.0, p.v[0].z == 0u), t6, inside);
  }
  let e7 = first + 2u;
  {
    let j8 = clamp(b0[row], p.v[0].z, p.v[0].w);
    let inside = b0[row] == j8;
    let t9 = b1[j8 * p.v[1].x + e7 - p.v[1].y];
    out[o3 + e7] = select(select(out[o3 + e7], 0.0, p.v[0].z == 0u), t9, inside);
  }
  let e10 = first + 3u;
  {
    let j11 = clamp(b0[row], p.v[0].z, p.v[0].w);
    let inside = b0[row] == j11;
    let t12 = b1[j11 * p.v[1].x + e10 - p.v[1].y];
    out[o3 + e10] = select(select(out[o3 + e10], 0.0, p.v[0].z == 0u), t12, inside);
  }
}

// map gather
// params 16 12 32 39 12 384 12 0
// binds feed.tokens[0..64] feed.table[1536..1920] output.out[0..768]
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
  let o3 = row * p.v[1].z;
  let e0 = first + 0u;
  {
    let j1 = clamp(b0[row], p.v[0].z, p.v[0].w);
    let inside = b0[row] == j1;
    let t2 = b1[j1 * p.v[1].x + e0 - p.v[1].y];
    out[o3 + e0] = select(select(out[o3 + e0], 0.0, p.v[0].z == 0u), t2, inside);
  }
  let e4 = first + 1u;
  {
    let j5 = clamp(b0[row], p.v[0].z, p.v[0].w);
    let inside = b0[row] == j5;
    let t6 = b1[j5 * p.v[1].x + e4 - p.v[1].y];
    out[o3 + e4] = select(select(out[o3 + e4], 0.0, p.v[0].z == 0u), t6, inside);
  }
  let e7 = first + 2u;
  {
    let j8 = clamp(b0[row], p.v[0].z, p.v[0].w);
    let inside = b0[row] == j8;
    let t9 = b1[j8 * p.v[1].x + e7 - p.v[1].y];
    out[o3 + e7] = select(select(out[o3 + e7], 0.0, p.v[0].z == 0u), t9, inside);
  }
  let e10 = first + 3u;
  {
    let j11 = clamp(b0[row], p.v[0].z, p.v[0].w);
    let inside = b0[row] == j11;
    let t12 = b1[j11 * p.v[1].x + e10 - p.v[1].y];
    out[o3 + e10] = select(select(out[o3 + e10], 0.0, p.v[0].z == 0u), t12, inside);
  }
}
