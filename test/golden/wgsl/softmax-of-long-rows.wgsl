// rows div
// params 16 4000 4000 4000 4000 4000 4000 4000
// binds feed.many[0..256000] output.out[0..256000]
// groups 1 × 1 × 1
struct Params { v: array<vec4<u32>, 2> }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> b0: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

fn element(row: u32) {
  if (row >= p.v[0].x) { return; }
  var r0 = -3.0e38;
  for (var e1 = 0u; e1 < p.v[0].z; e1++) {
    let t2 = b0[row * p.v[0].y + e1];
    r0 = max(r0, t2);
  }
  var r3 = 0.0;
  for (var b9 = 0u; b9 < p.v[1].x; b9 += 512u) {
    let n10 = min(b9 + 512u, p.v[1].x);
    var s4 = 0.0;
    for (var e5 = b9; e5 < n10; e5++) {
      let t6 = b0[row * p.v[0].w + e5];
      let t7 = (t6 - r0);
      let t8 = exp(t7);
      s4 += t8;
    }
    r3 += s4;
  }
  for (var e11 = 0u; e11 < p.v[1].w; e11++) {
    let t12 = b0[row * p.v[1].y + e11];
    let t13 = (t12 - r0);
    let t14 = exp(t13);
    let t15 = (t14 / r3);
    out[row * p.v[1].z + e11] = t15;
  }
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_id) l: vec3<u32>) {
  let first = (w.x + w.y * 65535u) * 64u + l.x;
  element(first + 0u);
}
