<?php
/**
 * A theme of one page and the few functions of WordPress that examples/embed/wordpress calls.
 * php wordpress.php FOLDER writes FOLDER/post.html, below which the plugin stands, and FOLDER/page.html with the block.
 */
const ABSPATH = __DIR__;
$hooks = ['the_content' => [], 'wp_footer' => []];

function add_filter(string $name, callable $does): void { $GLOBALS['hooks'][$name][] = $does; }
function add_action(string $name, callable $does): void { add_filter($name, $does); }
function is_singular(string $type): bool { return $type === 'post'; }
function in_the_loop(): bool { return true; }
function is_main_query(): bool { return true; }
function get_the_ID(): int { return 12; }
function get_the_title(): string { return 'Moths &amp; <em>lamplight</em>'; }
function get_bloginfo(string $what): string { return ['language' => 'en-US'][$what]; }
function esc_attr(string $text): string { return htmlspecialchars($text, ENT_QUOTES, 'UTF-8', false); }
function esc_url(string $url): string { return esc_attr($url); }
function wp_strip_all_tags(string $text): string { return strip_tags($text); }

function page(string $content): string {
    ob_start();
    foreach ($GLOBALS['hooks']['wp_footer'] as $does) {
        $does();
    }
    $footer = ob_get_clean();
    return "<!doctype html>\n<html lang=\"en-US\">\n<meta charset=\"utf-8\">\n<title>Moths</title>\n$content\n$footer\n";
}

[, $folder] = $argv;
$block = file_get_contents("$folder/block.html");
file_put_contents("$folder/page.html", page("<!-- wp:html -->\n$block<!-- /wp:html -->"));
require "$folder/pottle.php";
$content = array_reduce($hooks['the_content'], fn (string $text, callable $does): string => $does($text), '<p>A sheet and a lamp.</p>');
file_put_contents("$folder/post.html", page($content));
