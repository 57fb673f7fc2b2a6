/** Listens on a port (0: any), writes which one into a file, and waits to be ended: PORT HOST FILE. */
const [port, hostname = "", file = ""] = Deno.args;
const listener = Deno.listen({ port: Number(port), hostname });
Deno.writeTextFileSync(file + ".new", String((listener.addr as Deno.NetAddr).port));
Deno.renameSync(file + ".new", file);
for await (const connection of listener) connection.close();
