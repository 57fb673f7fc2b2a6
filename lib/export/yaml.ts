/** YAML that every reader reads alike, whatever version of it that one knows. Pure. */
import { Document, visit } from "yaml";

/**
 * The documents, one after the other, under one comment. All text is in quotes: `no` and `1e3` stay text. What is left out
 * (undefined) is not written.
 */
export function yamlText(comment: string, documents: readonly object[]): string {
  return comment + documents.map((data) => {
    const document = new Document(JSON.parse(JSON.stringify(data)), { aliasDuplicateObjects: false });
    visit(document, {
      Scalar(key, node) {
        const { value } = node;
        if (typeof value !== "string" || (key === "key" && plainKey.test(value))) return;
        node.type = fileText.test(value) ? "BLOCK_LITERAL" : "QUOTE_DOUBLE";
      },
    });
    return document.toString({ lineWidth: 0, doubleQuotedMinMultiLineLength: Infinity });
  }).join("---\n").replace(unprintable, escaped);
}

/** Of the names of keys, those that nobody takes for anything else; some say `n`, `no` and `off` are none. */
const plainKey = /^(?!(true|false|null)$)[a-z][\w./-]{3,}$/i;
/** Lines of a file that stand for themselves. */
const fileText = /^[^\s][\x20-\x7e\xa0-\u2027\u202a-\ud7ff\n]*\n[^\n]*[^\s]\n$/;

/** What YAML 1.2 calls not printable, and YAML 1.1 a line's end: in quotes it may be escaped. */
const unprintable = /[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]/g;
const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
