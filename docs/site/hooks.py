"""Makes a site of pages that are written to be read in the repository.

docs/README.md is the navigation: each of its headings in bold is a section, and
each page that a row links to is an entry. Links to what is not on the site, such as
code, lead to the repository.
"""

import os
import re

LINK = re.compile(r"\]\((?![a-z]+:|#)([^)\s#]+)(#[^)\s]*)?\)")
FENCE = re.compile(r"^( *)(```.*?^\1```)", re.S | re.M)
SECTION = re.compile(r"^\| \*\*(.+?)\*\* \|")
PAGE = re.compile(r"\[([^\]]+)\]\(([^)\s#]+\.md)\)")


def on_config(config):
    """Reads the navigation from docs/README.md."""
    root = config["docs_dir"]
    nav, listed = [{"Documentation": "README.md"}], set()
    with open(os.path.join(root, "README.md"), encoding="utf-8") as index:
        for line in index:
            if section := SECTION.match(line):
                nav.append({section[1][0].upper() + section[1][1:]: []})
                continue
            for title, path in PAGE.findall(line):
                if path.startswith("../") or path in listed or len(nav) == 1:
                    continue
                listed.add(path)
                next(iter(nav[-1].values())).append({title[0].upper() + title[1:]: path})
    config["nav"] = [entry for entry in nav if next(iter(entry.values()))]
    return config


def on_page_markdown(markdown, page, config, files):
    """Leads links that leave the site to the repository."""
    folder = os.path.dirname(page.file.src_uri)

    def lead(match):
        path, anchor = match[1], match[2] or ""
        target = os.path.normpath(os.path.join(folder, path))
        if files.get_file_from_path(target):
            return match[0]
        source = os.path.normpath(os.path.join("docs", target))
        checkout = os.path.join(config["docs_dir"], "..", source)
        if source.startswith("..") or not os.path.exists(checkout):
            return match[0]  # which the check of links reports
        kind = "tree" if os.path.isdir(checkout) else "blob"
        return f"]({config['repo_url']}/{kind}/main/{source}{anchor})"

    # What is in a block of code is not a link.
    parts, end = [], 0
    for block in FENCE.finditer(markdown):
        parts += [LINK.sub(lead, markdown[end:block.start()]), block[0]]
        end = block.end()
    return "".join(parts + [LINK.sub(lead, markdown[end:])])
