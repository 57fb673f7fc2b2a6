/** Which files are worth having in the page cache, by their names. Spec: §9. */

/** `tokenizer`: small, and read first by whoever loads a model. */
export type FileKind = "tokenizer" | "model";

const modelName =
  /\.(gguf|ggml|ggjt|bin|onnx|onnx_data|onnx\.data|ort|safetensors|pth?|ckpt|tflite|engine|plan|nemo|mar|npz|h5|msgpack|ppn|pv|pmdl)$/i;
const tokenizerName =
  /(^|[._-])(tokenizer|vocab|vocabulary|merges|special_tokens_map|added_tokens)[^/]*\.(json|txt|model|bpe)$|\.(spm|tiktoken)$|^(config|generation_config|preprocessor_config|spiece|sentencepiece[^/]*)\.(json|model)$|\.onnx\.json$/i;
/** Other frameworks' copies of the same weights, which are not read where safetensors are. */
const copyOfWeights =
  /^(pytorch_model.*\.(bin|pt)|tf_model.*\.h5|flax_model.*\.msgpack|model\.(h5|msgpack))$/i;

/** What a file of this name is; null when it is of no use to a model. */
export function kindByName(path: string): FileKind | null {
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (tokenizerName.test(name)) return "tokenizer";
  return modelName.test(name) ? "model" : null;
}

/** A folder's names without those that nobody reads beside its safetensors. */
export function withoutCopies(names: readonly string[]): string[] {
  if (!names.some((name) => name.endsWith(".safetensors"))) return [...names];
  return names.filter((name) => !copyOfWeights.test(name));
}
