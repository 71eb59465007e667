// node node.mjs KIND MODEL INPUT OUTPUT HEIGHT WIDTH: uint8 RGB in, uint8 RGB out.
import { createRequire } from "node:module";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const require = createRequire(join(process.env.CLIENT_MODULES, "package.json"));
const [kind, model, input, output, height, width] = process.argv.slice(2);
const shape = [1, Number(height), Number(width), 3];
const pixels = new Uint8Array(readFileSync(input));

async function onnxruntime() {
  const ort = require("onnxruntime-node");
  const session = await ort.InferenceSession.create(model);
  const images = new ort.Tensor("uint8", pixels, shape);
  const { sr } = await session.run({ images });
  return sr.data;
}

async function tfjs() {
  const tf = require("@tensorflow/tfjs");
  const json = JSON.parse(readFileSync(model, "utf8"));
  const specs = json.weightsManifest.flatMap((group) => group.weights);
  const files = json.weightsManifest.flatMap((group) => group.paths);
  const data = Buffer.concat(files.map((file) => readFileSync(join(dirname(model), file))));
  const weightData = data.buffer.slice(data.byteOffset, data.byteOffset + data.length);
  const graph = await tf.loadGraphModel(
    tf.io.fromMemory({ modelTopology: json.modelTopology, weightSpecs: specs, weightData }),
  );
  const images = tf.tensor(Float32Array.from(pixels), shape, "float32");
  const sr = graph.execute(images);
  return Uint8Array.from(await sr.data(), (x) => Math.round(x));
}

writeFileSync(output, await { onnxruntime, tfjs }[kind]());
