/** A voice for alexa-loader that only prints what it would say: control verb `speak` over HTTP, in Deno. */
const port = Number(Deno.env.get("ALEXA_BIND_PORT"));

Deno.serve(
  { hostname: "127.0.0.1", port, onListen: () => console.log(`Speaking on port ${port}`) },
  async (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/health") return new Response("ok\n");
    if (pathname !== "/control/speak") return new Response("no such verb\n", { status: 404 });
    const { text } = await request.json();
    const ms = 60 * text.length; // a real one plays sound here
    console.log(`says: ${text}`);
    await new Promise((resolve) => setTimeout(resolve, ms));
    return Response.json({ finished: true }); // answered at the end of the sound: then the wake word is enabled
  },
);
