use super::*;

fn launch() -> Way {
    Way::Launch("/usr/bin/mcpgate".to_owned(), vec!["stdio".to_owned()])
}

fn entry(client: Client, way: &Way) -> Node {
    let entry = client.entry(way, "/usr/bin/mcpgate", |name| Some(format!("<{name}>")));
    entry.unwrap()
}

fn text(changed: Changed) -> String {
    let Changed::Text(text) = changed else {
        panic!("{changed:?}");
    };
    text
}

#[test]
fn all_but_our_entry_stays_and_comes_back() {
    let files = [
        (
            Client::Zed,
            "// mine\n{\n  \"a\": [1,2 ], /* x */\n  \"context_servers\": {\n    \"s\": {}, // y\n  },\n}\n",
        ),
        (
            Client::Zed,
            "{\r\n\t\"a\": 1,\r\n\t\"context_servers\": {\r\n\t\t\"s\": {}\r\n\t}\r\n}\r\n",
        ),
        (
            Client::ClaudeDesktop,
            "\u{feff}{\"mcpServers\": {\"s\": {\"command\": \"x\"}}}\n",
        ),
        (
            Client::VsCode,
            "{\n  \"servers\": {\n    // none yet\n  }\n}\n",
        ),
        (
            Client::LibreChat,
            "version: 1\nmcpServers:\n    # s\n    s:\n        url: http://h\n\n# end\nx: 1\n",
        ),
        (Client::LibreChat, "mcpServers:\n  s: {url: \"http://h\"}"),
    ];
    for (client, before) in files {
        let entry = entry(client, &launch());
        let after = text(client.put(before, &entry).unwrap());
        let kept: Vec<&str> = before
            .lines()
            .filter(|line| !after.contains(line.trim()))
            .collect();
        assert_eq!(
            kept.len(),
            usize::from(before.starts_with('\u{feff}')),
            "{after}"
        );
        assert_eq!(client.put(&after, &entry).unwrap(), Changed::Not);
        let back = text(client.take_out(&after).unwrap());
        assert_eq!(client.take_out(&back).unwrap(), Changed::Not);
        let plain = |text: &str| text.replace([' ', '\n', '\r', '\t', ','], "");
        assert_eq!(plain(&back), plain(before), "{back}");
    }
}

#[test]
fn another_entry_of_ours_takes_the_place_of_the_first() {
    let far = Way::Connect("https://gate.lan/mcp".to_owned(), Some("KEY".to_owned()));
    for client in Client::ALL {
        let first = text(client.put("", &entry(client, &launch())).unwrap());
        let second = text(client.put(&first, &entry(client, &far)).unwrap());
        assert!(second.contains("https://gate.lan/mcp"), "{second}");
        let direct = text(client.put("", &entry(client, &far)).unwrap());
        assert_eq!(second, direct, "{client}");
    }
}

#[test]
fn a_file_that_lines_do_not_change_is_left_to_the_person() {
    let client = Client::LibreChat;
    let entry = entry(client, &launch());
    for before in ["mcpServers: {s: {url: \"http://h\"}}\n", "{mcpServers: {}}"] {
        let changed = client.put(before, &entry).unwrap();
        let Changed::ByHand(lines) = changed else {
            panic!("{changed:?}");
        };
        assert!(
            lines.starts_with("mcpServers:\n  mcpgate:\n    type: stdio\n"),
            "{lines}"
        );
    }
}

#[test]
fn what_has_no_place_for_servers_is_refused() {
    for (client, before) in [
        (Client::Cursor, "[1]"),
        (Client::Cursor, "{\"mcpServers\": 5}"),
        (Client::Cursor, "{\"mcpServers\": {}"),
        (Client::LibreChat, "mcpServers: [a]\n"),
    ] {
        assert!(
            client.put(before, &entry(client, &launch())).is_err(),
            "{before}"
        );
    }
}
